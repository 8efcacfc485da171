"""Small networks and a made-up corpus on which compression steps can be tried in a second."""

from __future__ import annotations

import numpy as np

from training.compress.student import Context, Lessons, Student
from training.distill import LabelLoss
from training.models import ds_cnn, res_ds_cnn, temporal
from training.runtime import keras
from training.train import LabelledFeatures, TrainingSet

FRAMES, BINS, CLASSES = 20, 8, 3
FAMILIES = {
    "ds_cnn": {"width": 16, "blocks": 3, "dropout": 0.0},
    "res_ds_cnn": {"width": 20, "blocks": 4, "dropout": 0.0},
    "temporal": {"width": 16, "blocks": 2, "stem_width": 12, "hop_frames": 1},
}
_BUILD = {"ds_cnn": ds_cnn.build, "res_ds_cnn": res_ds_cnn.build, "temporal": temporal.build}


def network(family: str = "temporal", **changes: object) -> keras.Model:
    """A deployed network whose normalisation has moved, as training moves it."""
    keras.utils.set_random_seed(3)
    settings = FAMILIES[family] | changes
    made = _BUILD[family](frames=FRAMES, bins=BINS, classes=CLASSES, **settings)
    rng = np.random.default_rng(3)
    for layer in made.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.5, gamma.shape),
                    rng.normal(0, 0.2, beta.shape),
                    rng.normal(0, 0.2, mean.shape),
                    rng.uniform(0.5, 1.5, variance.shape),
                ]
            )
    return made


def clips(count: int, seed: int) -> LabelledFeatures:
    """Clips of three classes, each with its own band of bins that sounds."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count).astype(np.int32)
    features = rng.normal(0, 12, (count, FRAMES, BINS))
    for clip, label in zip(features, labels, strict=True):
        clip[:, 2 * label : 2 * label + 3] += 30
    return LabelledFeatures(np.clip(features, -128, 127).astype(np.int8), labels)


def context(**changes: object) -> Context:
    """Lessons of two copies of 64 clips, 32 to validate, 32 to test."""
    first, second = clips(64, 1), clips(64, 1)
    copies = np.stack([first.features, np.roll(second.features, 1, axis=1)])
    data = TrainingSet(copies, first.labels)
    lessons = Lessons(data, LabelLoss(), batch_clips=16)
    return Context(lessons, clips(32, 2), clips(32, 4), **changes)  # type: ignore[arg-type]


def student(family: str = "temporal", **changes: object) -> Student:
    """A student of that network."""
    return Student(network(family, **changes))


def inputs(count: int = 3) -> np.ndarray:
    """float32[count, frames, bins, 1] for a network."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(count, FRAMES, BINS, 1)).astype(np.float32)
