"""Loss objects, apart from the loop that uses them.

Each is called with the labels int32[batch], the student's logits float32[batch, classes] and the
teacher's logits float32[batch, classes] of the same clips; each gives a float32 scalar in nats,
the mean over the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from training.runtime import tf


class Loss(Protocol):
    """What a training step makes small."""

    def __call__(self, labels: tf.Tensor, logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch."""


@dataclass(frozen=True)
class LabelLoss:
    """Cross entropy with the labels, smoothed as by Szegedy et al. 2016, section 7.

    The target is `1 - smoothing` at the label plus `smoothing / classes` everywhere.
    """

    smoothing: float = 0.0

    def __call__(self, labels: tf.Tensor, logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch; the teacher is not heard."""
        return tf.reduce_mean(_label_entropy(labels, logits, self.smoothing))


@dataclass(frozen=True)
class DistillationLoss:
    """Soft targets of a teacher and the labels (Hinton, Vinyals, Dean 2015, section 2).

    `w T^2 H(softmax(teacher / T), softmax(logits / T)) + (1 - w) H(label, softmax(logits))`,
    where H is the cross entropy; T^2 keeps the gradient of the soft part independent of T.
    """

    temperature: float
    soft_weight: float
    smoothing: float = 0.0

    def __call__(self, labels: tf.Tensor, logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch."""
        soft = tf.nn.softmax_cross_entropy_with_logits(
            tf.nn.softmax(teacher / self.temperature), logits / self.temperature
        )
        hard = _label_entropy(labels, logits, self.smoothing)
        soft_part = self.soft_weight * self.temperature**2 * soft
        return tf.reduce_mean(soft_part + (1.0 - self.soft_weight) * hard)


def _label_entropy(labels: tf.Tensor, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    classes = logits.shape[-1]
    target = tf.one_hot(labels, classes) * (1.0 - smoothing) + smoothing / classes
    return tf.nn.softmax_cross_entropy_with_logits(target, logits)
