"""Fine-tuning: train on, with the weights in the form that the steps before gave them.

With a penalty, many weights (L1) or whole channels (group lasso) become small, so that pruning
after it costs less: `training.compress.forms.Penalty` has the formulas.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from training.compress.forms import Penalty
from training.compress.network import fold
from training.compress.student import Context, Student
from training.recipe_compress import FineTuneConfig


def fine_tune(
    student: Student, config: FineTuneConfig, context: Context
) -> tuple[Student, dict[str, Any]]:
    """The student after some more epochs."""
    penalty = Penalty(config.l1, config.group_lasso) if config.l1 or config.group_lasso else None
    if penalty is not None:
        # A normalisation undoes whatever shrinks the weights before it.
        student = replace(student, network=fold(student.network))
    return context.tuned(student, config, "fine-tuned", penalty), {}
