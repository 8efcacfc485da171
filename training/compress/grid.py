"""Forms of weights: few values, clusters, zeros."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.runtime import tf


@dataclass(frozen=True)
class Zeros:
    """Weights of which some stay zero.

    Attributes:
        kept: float32 of the kernel's shape: 1 where a weight may be anything.
    """

    kept: np.ndarray

    def apply(self, kernel: tf.Tensor) -> tf.Tensor:
        """The kernel with its zeros; nothing flows back to those."""
        return kernel * self.kept

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields by name."""
        return {"kept": self.kept}


@dataclass(frozen=True)
class Grid:
    """Weights that are `scale * code`, each code one of few int8 values.

    Attributes:
        codes: int8[..., values], ascending along the last axis; the axes before it are 1, or where
            each channel has values of its own as many as the kernel's channels.
        scale: float32, one a channel; with axes of 1 it has the kernel's rank.
    """

    codes: np.ndarray
    scale: np.ndarray

    @property
    def bits(self) -> int:
        """Of one packed weight."""
        return math.ceil(math.log2(self.codes.shape[-1]))

    def apply(self, kernel: tf.Tensor) -> tf.Tensor:
        """The kernel of the nearest codes by the straight-through estimator (Bengio et al. 2013):
        forward the nearest code, backward as if there was no grid."""
        return kernel + tf.stop_gradient(
            self.scale * tf.cast(self.nearest(kernel), tf.float32) - kernel
        )

    def nearest(self, kernel: tf.Tensor) -> tf.Tensor:
        """int8 of the kernel's shape: the nearest code of each weight, the lower one of two."""
        axis = int(np.argmax(self.codes.shape[:-1]))  # of the channels, where each has its own
        codes = self.codes.reshape(-1, self.codes.shape[-1]).astype(np.float32)
        wanted = tf.experimental.numpy.moveaxis(kernel / self.scale, axis, 0)
        rows = tf.reshape(wanted, [len(codes), -1])
        place = tf.searchsorted((codes[:, 1:] + codes[:, :-1]) / 2.0, rows, side="left")
        chosen = tf.reshape(tf.gather(codes, place, batch_dims=1), tf.shape(wanted))
        return tf.cast(tf.experimental.numpy.moveaxis(chosen, 0, axis), tf.int8)

    def arrays(self) -> dict[str, np.ndarray]:
        """The fields by name."""
        return {"codes": self.codes, "scale": self.scale}


@dataclass(frozen=True)
class Clusters:
    """Weights that are `scale * mean`, the mean that of all weights of their cluster.

    What the optimiser moves in one weight of a cluster moves all of them: the gradient of the mean
    is the sum over the cluster (Han, Mao, Dally 2016, "Deep Compression", section 3).

    Attributes:
        index: int32 of the kernel's shape: the cluster of each weight.
        scale: float32, one a channel; with axes of 1 it has the kernel's rank.
    """

    index: np.ndarray
    scale: np.ndarray

    def apply(self, kernel: tf.Tensor) -> tf.Tensor:
        """The kernel of the means."""
        return tf.gather(self.means(kernel), self.index) * self.scale

    def means(self, kernel: tf.Tensor) -> tf.Tensor:
        """float32[clusters]."""
        return tf.math.unsorted_segment_mean(
            tf.reshape(kernel / self.scale, [-1]), self.index.ravel(), int(self.index.max()) + 1
        )
