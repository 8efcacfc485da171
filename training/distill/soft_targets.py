"""Loss objects, apart from the loop that uses them.

Each is called with the targets, the student's logits and the teacher's logits of the same clips,
all float32[batch, classes]; each gives a float32 scalar in nats, the mean over the batch. A row of
targets holds the share of each class in what was said: one at the label of a clip, several for
mixed clips, zeros for a clip that nobody has labelled, of which only the teacher says something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from training.runtime import tf


class Loss(Protocol):
    """What a training step makes small."""

    def __call__(self, targets: tf.Tensor, logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch."""


@dataclass(frozen=True)
class LabelLoss:
    """Cross entropy with the labels, smoothed as by Szegedy et al. 2016, section 7.

    Each target becomes `(1 - smoothing) target + smoothing / classes`; a clip without one has no
    loss.
    """

    smoothing: float = 0.0

    def __call__(self, targets: tf.Tensor, logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch; the teacher is not heard."""
        return tf.reduce_mean(_label_entropy(targets, logits, self.smoothing))


@dataclass(frozen=True)
class DistillationLoss:
    """Soft targets of a teacher and the labels (Hinton, Vinyals, Dean 2015, section 2).

    `w T^2 H(softmax(teacher / T), softmax(logits / T)) + (1 - w) H(label, softmax(logits))`,
    where H is the cross entropy; T^2 keeps the gradient of the soft part independent of T.
    """

    temperature: float
    soft_weight: float
    smoothing: float = 0.0

    def __call__(self, targets: tf.Tensor, logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch."""
        soft = tf.nn.softmax_cross_entropy_with_logits(
            tf.nn.softmax(teacher / self.temperature), logits / self.temperature
        )
        hard = _label_entropy(targets, logits, self.smoothing)
        soft_part = self.soft_weight * self.temperature**2 * soft
        return tf.reduce_mean(soft_part + (1.0 - self.soft_weight) * hard)


def _label_entropy(targets: tf.Tensor, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    classes = logits.shape[-1]
    smooth = targets * (1.0 - smoothing) + smoothing / classes
    # The gradient of the operator, softmax - target, is right only where a target's sum is one: a
    # clip without a label would push all its logits down, although its loss is zero.
    labelled = tf.reduce_sum(targets, 1)
    return labelled * tf.nn.softmax_cross_entropy_with_logits(smooth, logits)
