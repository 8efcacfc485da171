"""What a student learns from a teacher: loss objects, each in a file with its paper.

`soft_targets` and `decoupled` compare logits. `feature_matching`, `attention` and `relations`
compare what two networks see before their classifiers (`signals`). `ramp` moves a weight over the
training, and `objective` sums the parts.
"""

from training.distill.attention import AttentionTransfer
from training.distill.decoupled import DecoupledLoss
from training.distill.feature_matching import FeatureMatching
from training.distill.objective import LogitLoss, Objective, Part, loss_of, objective_of
from training.distill.ramp import Ramp
from training.distill.relations import AngleRelation, DistanceRelation, SimilarityRelation
from training.distill.signals import MapLoss, SignalModel, Signals, TaughtModel
from training.distill.soft_targets import DistillationLoss, LabelLoss, Loss

__all__ = [
    "AngleRelation",
    "AttentionTransfer",
    "DecoupledLoss",
    "DistanceRelation",
    "DistillationLoss",
    "FeatureMatching",
    "LabelLoss",
    "LogitLoss",
    "Loss",
    "MapLoss",
    "Objective",
    "Part",
    "Ramp",
    "SignalModel",
    "Signals",
    "SimilarityRelation",
    "TaughtModel",
    "loss_of",
    "objective_of",
]
