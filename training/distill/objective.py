"""The sum of what is learned from labels, logits and signals."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.distill.ramp import Ramp
from training.distill.signals import MapLoss, Signals
from training.runtime import tf


@dataclass(frozen=True)
class Part:
    """A loss over signals with its weight."""

    loss: MapLoss
    weight: float
    ramp: Ramp = field(default_factory=Ramp)


@dataclass(frozen=True)
class Objective:
    """Weighted sum of parts; it is added to a loss over logits."""

    parts: tuple[Part, ...]

    def __call__(
        self, student: Signals, teacher: Signals, projected: tf.Tensor, done: tf.Tensor
    ) -> tf.Tensor:
        """Mean of a batch, float32 scalar, when the part `done` of the training is over."""
        total = tf.zeros([])
        for part in self.parts:
            value = part.loss(student, teacher, projected)
            total += part.weight * part.ramp(done) * value
        return total
