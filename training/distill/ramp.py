"""How a weight moves over the training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.recipe_distillation import RAMP_SHAPES
from training.runtime import tf


@dataclass(frozen=True)
class Ramp:
    """A factor for a weight: it warms up from 0 to 1, then goes to its final value.

    Attributes:
        shape: way of both: "constant" jumps to 1 when the warm-up is over and stays there, "linear"
            is a straight line, "cosine" half a wave (Loshchilov, Hutter 2017).
        warm_up: part of the training that the warm-up takes, 0 to 1.
        final: factor at the end of the training; "constant" does not use it.
    """

    shape: str = "constant"
    warm_up: float = 0.0
    final: float = 0.0

    def __post_init__(self) -> None:
        if self.shape not in RAMP_SHAPES:
            raise ValueError(f"shape is {self.shape!r}; give one of {', '.join(RAMP_SHAPES)}")
        if not 0.0 <= self.warm_up <= 1.0:
            raise ValueError(f"warm_up is {self.warm_up}; give a part of the training, 0 to 1")

    def __call__(self, done: tf.Tensor) -> tf.Tensor:
        """Factor float32 scalar when the part `done` of the training, 0 to 1, is over."""
        done = tf.convert_to_tensor(done, tf.float32)
        if self.shape == "constant":
            return tf.cast(done >= self.warm_up, tf.float32)
        rising = self._way(done / self.warm_up) if self.warm_up > 0.0 else tf.ones([])
        left = max(1.0 - self.warm_up, 1e-6)
        fallen = self._way((done - self.warm_up) / left)
        falling = 1.0 + (self.final - 1.0) * fallen
        return tf.where(done < self.warm_up, rising, falling)

    def _way(self, part: tf.Tensor) -> tf.Tensor:
        """From 0 to 1 as `part` does."""
        part = tf.clip_by_value(part, 0.0, 1.0)
        return part if self.shape == "linear" else (1.0 - tf.cos(math.pi * part)) / 2.0
