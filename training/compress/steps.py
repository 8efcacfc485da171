"""The steps of compression by name, and running them one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from training.compress.branches import branches
from training.compress.calibrate import calibrate, to_int8
from training.compress.cluster import cluster
from training.compress.correct_bias import correct_bias
from training.compress.equalise import equalise
from training.compress.fine_tune import fine_tune
from training.compress.low_bits import low_bits
from training.compress.low_rank import low_rank
from training.compress.measure import Figures, measure
from training.compress.prune import prune
from training.compress.student import Context, Step, Student
from training.compress.subnetwork import subnetwork
from training.compress.tensor_split import tensor_split
from training.recipe_compress import StepConfig

STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "fine_tune": fine_tune,
        "prune": prune,
        "low_rank": low_rank,
        "tensor_split": tensor_split,
        "low_bits": low_bits,
        "cluster": cluster,
        "branches": branches,
        "subnetwork": subnetwork,
        "calibrate": calibrate,
        "equalise": equalise,
        "correct_bias": correct_bias,
    }
)
"""By the name that a recipe calls them by."""


@dataclass(frozen=True)
class StepReport:
    """What a step did.

    Attributes:
        step: its name.
        settings: all of them.
        details: what it found out.
        before: the student that it got.
        after: the student that it gave.
        needs: kernels that the engine lacks and without which the model cannot be deployed; empty
            where it can.
    """

    step: str
    settings: dict[str, Any]
    details: dict[str, Any]
    before: Figures
    after: Figures
    needs: str


def apply(
    student: Student, config: StepConfig, context: Context, before: Figures
) -> tuple[Student, StepReport, bytes]:
    """Take one step.

    Args:
        student: as it is.
        config: says which step, and how.
        context: what the step may ask for.
        before: of the student.

    Returns:
        The student after it, the report, and the int8 model.

    Raises:
        UserError: the step cannot be taken, or sotto cannot compile the result.
    """
    changed, details = STEPS[config.step](student, config, context)
    tflite = to_int8(changed, context)
    after = measure(changed, context, tflite)
    report = StepReport(config.step, asdict(config), details, before, after, changed.needs)
    return changed, report, tflite
