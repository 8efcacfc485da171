"""Compression steps as cached stages, each with its student, int8 model and report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import compress
from training.cache import Stage
from training.compress.measure import Figures, measure
from training.compress.steps import apply
from training.compress.student import Context, Lessons, Student, load_student
from training.distill import LabelLoss, LogitLoss, loss_of
from training.export.notes import need
from training.recipe_compress import StepConfig
from training.runtime import keras, tf
from training.stages import MODEL_FILE, TRAINING_CODE, Line
from training.teaching.sources import Source, stages_of, training_set
from training.train import LabelledFeatures

REPORT_FILE = "report.json"
CODE = (*TRAINING_CODE, compress)


@dataclass(frozen=True)
class Bench:
    """Where students are compressed: a recipe's clips and lessons.

    Attributes:
        line: of the recipe.
        data: stage with the clips.
        sources: what the student learns from.
    """

    line: Line
    data: Stage
    sources: tuple[Source, ...]

    def stage(self, name: str, build: Callable[[Path], None], after: Stage, **inputs: Any) -> Stage:
        """A cached step of compression."""
        recipe = self.line.recipe
        return self.line.cache.stage(
            name,
            build,
            code=CODE,
            inputs=inputs
            | {
                "student": asdict(recipe.student),
                "loss": asdict(self._loss()),
                "changes": asdict(self.line.changes(recipe.student)),
                "mixes": recipe.distillation.mixes,
                "seed": recipe.seed,
                "tensorflow": tf.__version__,
            },
            after=(self.data, *stages_of(self.sources), after),
        )

    def context(self, folder: Path) -> Context:
        """What a step may ask for.

        Args:
            folder: of its checkpoints.
        """
        recipe, bank = self.line.recipe, self.sources[0].bank

        def clips(name: str) -> LabelledFeatures:
            return LabelledFeatures(
                np.load(bank.folder / f"{name}.npy"),
                np.load(self.data.folder / f"{name}_targets.npy"),
            )

        taught = Lessons(
            training_set(self.data, self.sources, recipe.distillation.mixes),
            self._loss(),
            self.line.changes(recipe.student),
            recipe.student.batch_clips,
            recipe.student.weight_decay,
            recipe.student.averaging,
        )
        return Context(
            taught, clips("validation"), clips("test"), recipe.seed, self.line.progress, folder
        )

    def _loss(self) -> LogitLoss:
        recipe = self.line.recipe
        smoothing = recipe.student.label_smoothing
        if self.sources[0].taught:
            return loss_of(recipe.distillation, smoothing)
        return LabelLoss(smoothing)


def begin(bench: Bench, network: Callable[[], keras.Model], after: Stage) -> Stage:
    """The student before compression: itself, its int8 model and its figures.

    Args:
        bench: where it is compressed.
        network: gives it, in its deployed form.
        after: the stage that it comes from.
    """

    def build(folder: Path) -> None:
        student, context = Student(network()), bench.context(folder)
        _keep(folder, student, {"after": asdict(measure(student, context))})

    return bench.stage("compress-begin", build, after)


def begin_trained(bench: Bench, student: Stage) -> Stage:
    """`begin` with the student of the bench's recipe, as the stage `student` trained it."""
    line = bench.line
    return begin(bench, lambda: line.trained(line.recipe.student, student), student)


def compress_student(bench: Bench, start: Stage, steps: Sequence[StepConfig]) -> list[Stage]:
    """Take the steps in turn.

    Returns:
        One stage a step; its folder has the student, `model.tflite` and `report.json`.

    Raises:
        UserError: a step cannot be taken.
    """
    stages = [start]
    for number, config in enumerate(steps, start=1):
        before = stages[-1]
        name = f"compress-{number}-{config.step.replace('_', '-')}"

        def build(folder: Path, config: StepConfig = config, before: Stage = before) -> None:
            known = Figures(**report_of(before)["after"])
            student, report, tflite = apply(
                load_student(before.folder), config, bench.context(folder), known
            )
            _keep(folder, student, asdict(report))
            (folder / MODEL_FILE).write_bytes(
                need(tflite, student.needs) if student.needs else tflite
            )

        stages.append(bench.stage(name, build, before, config=asdict(config)))
    return stages[1:]


def report_of(stage: Stage) -> dict[str, Any]:
    """What a step left: fields of `StepReport`."""
    found: dict[str, Any] = json.loads((stage.folder / REPORT_FILE).read_text())
    return found


def _keep(folder: Path, student: Student, report: dict[str, Any]) -> None:
    student.save(folder)
    (folder / REPORT_FILE).write_text(json.dumps(report))
