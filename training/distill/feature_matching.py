"""The student's embedding, through a learned projection, against the teacher's."""

from __future__ import annotations

from dataclasses import dataclass

from training.distill.signals import Signals
from training.runtime import tf


@dataclass(frozen=True)
class FeatureMatching:
    """Hints of FitNets (Romero et al. 2015, equation 3) on the last map's mean.

    `1/2 mean_c (r(s)_c - t_c)^2` with the projection r. The paper's regressor is a convolution on
    the whole map; for a kernel of 1x1 its mean is the projection of the mean, which is what is
    compared here. The mean over channels, where the paper has the sum, keeps the weight of the
    loss independent of the teacher's width.
    """

    def __call__(self, student: Signals, teacher: Signals, projected: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch; `projected` has the shape of the teacher's embedding."""
        return tf.reduce_mean((projected - teacher.embedding) ** 2) / 2.0
