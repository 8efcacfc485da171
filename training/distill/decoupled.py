"""Soft targets in two parts: how sure the teacher is, and how it ranks the other classes."""

from __future__ import annotations

from dataclasses import dataclass

from training.distill.soft_targets import LabelLoss
from training.runtime import tf

HIDDEN = -1e9
"""Added to a logit, it takes the class out of a softmax; finite, so that 0 times it is 0."""


@dataclass(frozen=True)
class DecoupledLoss:
    """Decoupled knowledge distillation (Zhao et al. 2022, equation 7).

    `KL(t || s) = TCKD + (1 - t_label) NCKD`: the first compares "the label or not", the second the
    other classes among themselves. In soft targets a sure teacher silences the second; here both
    have weights of their own. Both are at temperature T and times T^2; the labels have the share
    `1 - soft_weight` as in `DistillationLoss`.

    Attributes:
        temperature: T.
        soft_weight: share of the teacher.
        target_weight: of TCKD, alpha in the paper.
        other_weight: of NCKD, beta in the paper; there 1 to 8.
        smoothing: of the labels.
    """

    temperature: float
    soft_weight: float
    target_weight: float = 1.0
    other_weight: float = 2.0
    smoothing: float = 0.0

    def __call__(self, targets: tf.Tensor, logits: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Mean loss of a batch; where no label is known the teacher's best class stands for it."""
        labelled = tf.reduce_any(targets > 0.0, axis=1, keepdims=True)
        labels = tf.argmax(tf.where(labelled, targets, teacher), axis=1)
        is_label = tf.one_hot(labels, logits.shape[-1])
        ours, theirs = logits / self.temperature, teacher / self.temperature
        target = _divergence(_label_or_not(theirs, is_label), _label_or_not(ours, is_label))
        hidden = HIDDEN * is_label
        other = _divergence(tf.nn.log_softmax(theirs + hidden), tf.nn.log_softmax(ours + hidden))
        soft = self.target_weight * target + self.other_weight * other
        hard = LabelLoss(self.smoothing)(targets, logits, teacher)
        soft_part = self.soft_weight * self.temperature**2 * tf.reduce_mean(soft)
        return soft_part + (1.0 - self.soft_weight) * hard


def _label_or_not(logits: tf.Tensor, is_label: tf.Tensor) -> tf.Tensor:
    """float32[batch, 2]: logarithms of the label's probability and of all others together."""
    label = tf.reduce_sum(logits * is_label, axis=1)
    others = tf.reduce_logsumexp(logits + HIDDEN * is_label, axis=1)
    return tf.nn.log_softmax(tf.stack([label, others], axis=1))


def _divergence(log_p: tf.Tensor, log_q: tf.Tensor) -> tf.Tensor:
    """KL(p || q) float32[batch] in nats."""
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)
