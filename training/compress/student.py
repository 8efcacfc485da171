"""What compression steps hand on, and what they may ask for.

A step is a function `step(student, context) -> student, details`: it changes the network, or how
its weights or activations become int8, and tells facts of its own for the report.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from training.compress.forms import Penalty, adopt, trainable
from training.compress.grid import Grid, Zeros
from training.compress.network import by_channel, with_kernels
from training.distill import Loss
from training.errors import UserError
from training.export.cores import CORES, Core
from training.files import write_atomically
from training.progress import Progress, Silent
from training.recipe_compress import (
    PACKED_BITS,
    PACKED_KERNELS,
    SPARSE_BLOCK,
    SPARSE_KERNELS,
    CalibrateConfig,
    Tuning,
)
from training.runtime import keras
from training.train import (
    FeatureChanges,
    LabelledFeatures,
    Schedule,
    TrainingSet,
    fit,
    predict,
)

NETWORK_FILE, STUDENT_FILE = "network.h5", "student.npz"


@dataclass(frozen=True)
class Student:
    """A float network on its way to int8.

    Attributes:
        network: in its deployed form; takes float32[batch, frames, bins, 1], gives logits.
        forms: what the weights of a layer are held to, by its name.
        calibration: how the ranges of activations will be found.
    """

    network: keras.Model
    forms: Mapping[str, Grid | Zeros] = field(default_factory=dict)
    calibration: CalibrateConfig = field(default_factory=CalibrateConfig)

    @property
    def needs(self) -> str:
        """Kernels that the engine lacks and without which a form gains nothing; may be empty."""
        zeros = {n: form.kept for n, form in self.forms.items() if isinstance(form, Zeros)}
        if not all(self._in_blocks(name, kept) for name, kept in zeros.items()):
            return SPARSE_KERNELS
        grids = [form for form in self.forms.values() if isinstance(form, Grid)]
        if any(form.bits > PACKED_BITS for form in grids):
            return PACKED_KERNELS
        return ""

    def _in_blocks(self, layer: str, kept: np.ndarray) -> bool:
        """Whether zeros stand in blocks that the engine leaves out."""
        rows = by_channel(self.network.get_layer(layer), kept)
        whole = np.pad(rows, ((0, 0), (0, -rows.shape[1] % SPARSE_BLOCK)), "edge")
        blocks = whole.reshape(-1, SPARSE_BLOCK)
        return bool((blocks == blocks[:, :1]).all())

    def save(self, folder: Path) -> None:
        """Write the student into a folder."""
        self.network.save(folder / NETWORK_FILE, include_optimizer=False)
        arrays = {
            f"{name}/{key}": value
            for name, form in self.forms.items()
            for key, value in form.arrays().items()
        }
        arrays["calibration"] = np.frombuffer(
            json.dumps(asdict(self.calibration)).encode(), np.uint8
        )
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        write_atomically(folder / STUDENT_FILE, buffer.getvalue())


def load_student(folder: Path) -> Student:
    """What `Student.save` wrote."""
    network = keras.models.load_model(folder / NETWORK_FILE, compile=False)
    found: dict[str, dict[str, np.ndarray]] = {}
    with np.load(folder / STUDENT_FILE) as arrays:
        calibration = CalibrateConfig(**json.loads(arrays["calibration"].tobytes().decode()))
        for name in arrays.files:
            layer, _, key = name.rpartition("/")
            if layer:
                found.setdefault(layer, {})[key] = arrays[name]
    forms = {
        layer: Zeros(**kept) if "kept" in kept else Grid(**kept) for layer, kept in found.items()
    }
    return Student(network, forms, calibration)


@dataclass(frozen=True)
class Lessons:
    """How a student is trained on: the same as it was trained, but for epochs and rate."""

    data: TrainingSet
    loss: Loss
    changes: FeatureChanges = field(default_factory=FeatureChanges)
    batch_clips: int = 64
    weight_decay: float = 0.0
    averaging: float = 0.0


@dataclass(frozen=True)
class Context:
    """What a step may ask for.

    Attributes:
        lessons: what the student learns from.
        validation: clips by which a step decides.
        test: clips of the report; no step decides by them.
        seed: of all draws.
        folder: for checkpoints of trainings; None keeps none.
        core: what costs are told for.
    """

    lessons: Lessons
    validation: LabelledFeatures
    test: LabelledFeatures
    seed: int = 1
    progress: Progress = field(default_factory=Silent)
    folder: Path | None = None
    core: Core = CORES["cortex-m4f"]

    def examples(self, clips: int) -> np.ndarray:
        """int8[clips, frames, bins]: augmented copies of training clips, drawn at random."""
        return self.labelled_examples(clips).features

    def labelled_examples(self, clips: int) -> LabelledFeatures:
        """The same with their labels."""
        copies, labels = self.lessons.data.features, self.lessons.data.labels
        rng = np.random.default_rng(self.seed)
        passes, index = rng.integers(0, len(copies), clips), rng.integers(0, len(labels), clips)
        return LabelledFeatures(np.asarray(copies[passes, index]), labels[index])

    def tuned(
        self, student: Student, tuning: Tuning, name: str, penalty: Penalty | None = None
    ) -> Student:
        """The student after some more epochs, its weights in their forms."""
        model = trainable(student.network, student.forms, penalty)
        self.train(model, tuning, name)
        return replace(student, network=adopt(student.network, model, student.forms))

    def train(self, model: keras.Model, tuning: Tuning, name: str) -> None:
        """Train a network in place on the lessons; it continues where an interrupted run was."""
        if tuning.epochs == 0:
            return
        lessons = self.lessons
        # What takes any number of frames is the form that XLA makes faster.
        streams = model.input_shape[1] is None
        changes = lessons.changes if streams else replace(lessons.changes, context_share=0.0)
        fit(
            model,
            lessons.data,
            self.validation,
            lessons.loss,
            Schedule(
                tuning.epochs,
                lessons.batch_clips,
                tuning.learning_rate,
                lessons.weight_decay,
                self.seed,
                lessons.averaging,
            ),
            changes,
            self.progress,
            name,
            None if self.folder is None else self.folder / f"{name.replace(' ', '-')}.npz",
            xla=streams,
        )

    def validation_accuracy(self, network: keras.Model) -> float:
        """Share of the validation clips that the float network hears right."""
        heard = predict(network, self.validation.features).argmax(axis=1)
        return float(np.mean(heard == self.validation.labels))


def require_free(student: Student, step: str) -> None:
    """Refuse a step that changes shapes or values behind one that gave weights a form.

    Raises:
        UserError: some weights have one.
    """
    if student.forms:
        raise UserError(
            f"the step '{step}' comes after one that put weights into a form ({student.needs})",
            f"Put '{step}' before it.",
        )


def held(student: Student, forms: Mapping[str, Grid | Zeros], network: keras.Model) -> Student:
    """The student with a network whose kernels are brought into forms, beside those it has."""
    together = {**student.forms, **forms}
    kernels = {
        name: form.apply(network.get_layer(name).weights[0]).numpy()
        for name, form in together.items()
    }
    return replace(student, network=with_kernels(network, kernels), forms=together)


class Step(Protocol):
    """One technique."""

    def __call__(
        self, student: Student, config: Any, context: Context
    ) -> tuple[Student, dict[str, Any]]:
        """The student after the step, and what the step found out, as JSON has it."""
