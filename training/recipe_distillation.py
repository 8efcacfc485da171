"""What a recipe says about foreign teachers and about what is learned from teachers."""

from __future__ import annotations

from dataclasses import dataclass

from training.recipe_reader import Section, choice, ranged

RAMP_SHAPES = ("constant", "linear", "cosine")
"""Ways in which a weight may move over the training."""
LEAST_SPOKEN_CLIPS = 10
"""Clips a word below which speech synthesis is not worth its voices."""


@dataclass(frozen=True)
class ExternalTeacherConfig(Section):
    """A network trained elsewhere whose answers count among the teachers'."""

    path: str = ""
    """`.tflite` or `.onnx` file or SavedModel folder; relative to the folder of the recipe."""
    labels: tuple[str, ...] = ()
    """What its outputs mean, in their order; a word that is no keyword counts as `_unknown_`."""
    labels_file: str = ""
    """Text file with one label a line, in place of `labels`; relative to the recipe."""
    input: str = choice("features", ("features", "pcm"))
    """What it takes: the recipe's features (int8 steps of `FEATURE_SCALE`), or samples in [-1, 1).
    """
    sample_rate_hz: int = ranged(0, 0, 48_000)
    """Rate it was trained at; 0 where it is the recipe's. Another rate is refused."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path:
            self.fail("path", "the path is empty", "Name the file of the teacher.")
        if bool(self.labels) == bool(self.labels_file):
            what = "both are given" if self.labels else "neither is given"
            self.fail("labels", f"of labels and labels_file {what}", "Give one of them.")


@dataclass(frozen=True)
class DistillationConfig(Section):
    """What the student learns from the teachers beside the labels; docs/training.md has the papers.

    A weight of 0 leaves the part out. The parts over features, attention and relations look into
    the first teacher of the recipe.
    """

    temperature: float = ranged(4.0, 0.5, 50.0)
    soft_weight: float = ranged(0.9, 0.0, 1.0)
    """Share of the teacher's soft targets in the loss; the labels have the rest."""
    soft_loss: str = choice("soft_targets", ("soft_targets", "decoupled"))
    """How logits are compared: Hinton's soft targets, or decoupled (Zhao et al. 2022)."""
    decoupled_target_weight: float = ranged(1.0, 0.0, 100.0)
    """Of "the label or not", where the loss is decoupled."""
    decoupled_other_weight: float = ranged(2.0, 0.0, 100.0)
    """Of the other classes among themselves, where the loss is decoupled."""
    feature_weight: float = ranged(0.0, 0.0, 1_000.0)
    """Of the embedding through a learned projection (FitNets)."""
    attention_weight: float = ranged(0.0, 0.0, 1_000.0)
    """Of when the network listens (attention transfer)."""
    distance_weight: float = ranged(0.0, 0.0, 1_000.0)
    """Of the distances between the clips of a batch (RKD-D)."""
    angle_weight: float = ranged(0.0, 0.0, 1_000.0)
    """Of the angles between the clips of a batch (RKD-A)."""
    similarity_weight: float = ranged(0.0, 0.0, 1_000.0)
    """Of the inner products between the clips of a batch (similarity-preserving)."""
    schedule: str = choice("constant", RAMP_SHAPES)
    """How the five weights above move: they warm up from 0, then go to their final share."""
    warm_up_share: float = ranged(0.0, 0.0, 1.0)
    """Part of the training that the warm-up takes."""
    final_share: float = ranged(0.0, 0.0, 1.0)
    """Part of the weights that is left in the end, where the schedule is not constant."""
    mixes: bool = True
    """The student also learns from `augment.mix_passes`, whose only labels are the teachers'."""
    unlabelled: str = ""
    """Folder of recordings that nobody has labelled; relative to the folder of the recipe."""
    unlabelled_passes: int = ranged(20, 1, 1_000)
    """Augmented copies of clips from there, each as many as the training set has."""
    spoken_clips: int = ranged(0, 0, 10_000)
    """Clips a word that espeak-ng speaks and the teachers label, keywords and others; 0 for none.
    """
    rounds: int = ranged(1, 1, 10)
    """Students in turn, each taught by the one before (born-again, Furlanello et al. 2018)."""
    successor: str = choice("joins", ("joins", "replaces"))
    """Whether the student of a round joins the teachers of the next one, or replaces them."""
    baseline: bool = False
    """Also trains the student by the labels alone, to show what the teachers bring."""

    @property
    def looks_inside(self) -> bool:
        """Whether a part needs more of a teacher than its logits."""
        weights = (self.feature_weight, self.attention_weight, self.similarity_weight)
        return any((*weights, self.distance_weight, self.angle_weight))

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.spoken_clips < LEAST_SPOKEN_CLIPS:
            self.fail(
                "spoken_clips",
                f"{self.spoken_clips} clips a word are too few",
                f"Give 0 for none, or {LEAST_SPOKEN_CLIPS} or more.",
            )
