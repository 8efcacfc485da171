"""The sum of what is learned from labels, logits and signals."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.distill.attention import AttentionTransfer
from training.distill.decoupled import DecoupledLoss
from training.distill.feature_matching import FeatureMatching
from training.distill.ramp import Ramp
from training.distill.relations import AngleRelation, DistanceRelation, SimilarityRelation
from training.distill.signals import MapLoss, Signals
from training.distill.soft_targets import DistillationLoss, LabelLoss
from training.recipe_distillation import DistillationConfig
from training.runtime import tf

MAP_LOSSES: dict[str, MapLoss] = {
    "feature_weight": FeatureMatching(),
    "attention_weight": AttentionTransfer(),
    "distance_weight": DistanceRelation(),
    "angle_weight": AngleRelation(),
    "similarity_weight": SimilarityRelation(),
}
"""By the field of the recipe that has their weight."""


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


LogitLoss = LabelLoss | DistillationLoss | DecoupledLoss
"""A loss over labels and logits, to which an objective may be added."""


def loss_of(config: DistillationConfig, smoothing: float) -> LogitLoss:
    """What the recipe asks for over logits.

    Args:
        config: of the recipe.
        smoothing: of the labels.
    """
    if config.soft_loss == "soft_targets":
        return DistillationLoss(config.temperature, config.soft_weight, smoothing)
    return DecoupledLoss(
        config.temperature,
        config.soft_weight,
        config.decoupled_target_weight,
        config.decoupled_other_weight,
        smoothing,
    )


def objective_of(config: DistillationConfig) -> Objective | None:
    """What the recipe asks for over signals; None where all weights are 0."""
    ramp = Ramp(config.schedule, config.warm_up_share, config.final_share)
    weights = {key: getattr(config, key) for key in MAP_LOSSES}
    parts = tuple(Part(MAP_LOSSES[key], weight, ramp) for key, weight in weights.items() if weight)
    return Objective(parts) if parts else None
