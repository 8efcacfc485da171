"""Ways of training a student against one of them, on the same clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from host_tools.evaluation.intervals import SIGNIFICANCE, holm, mcnemar_exact, share


@dataclass(frozen=True)
class Outcome:
    """What the students of one arm hear.

    Attributes:
        name: of the arm.
        accuracy: mean over its students.
        low: of the 95 % Wilson interval, which counts each clip once; high likewise.
        difference: of the accuracy to the first arm's.
        better: clips that more of its students hear right than of the first arm's.
        worse: clips that fewer do.
        p_value: McNemar's exact test on those clips, corrected for the number of arms (Holm).
        told_apart: whether the clips can tell the arm from the first one.
    """

    name: str
    accuracy: float
    low: float
    high: float
    difference: float
    better: int
    worse: int
    p_value: float
    told_apart: bool


def outcomes(right: Mapping[str, Sequence[int]], students: int) -> list[Outcome]:
    """Compare each arm with the first.

    With several students an arm, a clip counts for the arm of which more students hear it right:
    students of one arm are not independent, so the test is over clips (a sign test, which for one
    student each is McNemar's).

    Args:
        right: for each arm how many of its students hear each clip right; the same clips.
        students: of each arm.
    """
    counts = {name: np.asarray(rows) for name, rows in right.items()}
    first, *others = counts.values()
    signs = [np.sign(one - first) for one in others]
    pairs = [(0, 0)] + [(int(np.sum(one > 0)), int(np.sum(one < 0))) for one in signs]
    p_values = [1.0, *holm([mcnemar_exact(*pair) for pair in pairs[1:]])]
    heard = [share(int(one.sum()), one.size * students, students) for one in counts.values()]
    return [
        Outcome(
            name=name,
            accuracy=one.value,
            low=one.low,
            high=one.high,
            difference=one.value - heard[0].value,
            better=better,
            worse=worse,
            p_value=p_value,
            told_apart=p_value < SIGNIFICANCE,
        )
        for name, one, (better, worse), p_value in zip(counts, heard, pairs, p_values, strict=True)
    ]


def verdict(outcome: Mapping[str, Any], first: bool) -> str:
    """What the clips say of an arm, in words; `outcome` has the fields of `Outcome`."""
    if first:
        return "the measure"
    if not outcome["told_apart"]:
        return "not told apart"
    return "better" if outcome["better"] > outcome["worse"] else "worse"
