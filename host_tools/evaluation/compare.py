"""Which of several models hears more clips right, and whether the clips can tell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.evaluation.intervals import SIGNIFICANCE, holm, mcnemar_exact


@dataclass(frozen=True)
class Comparison:
    """Two models on the same clips.

    Attributes:
        only_first: clips that only the first hears right; only_second likewise.
        p_value: McNemar's exact test, corrected for the number of comparisons (Holm).
        better: name of the model that hears more; None when they are not ranked.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    p_value: float
    better: str | None


def compare(names: Sequence[str], right: Sequence[np.ndarray]) -> list[Comparison]:
    """Every pair of models.

    Args:
        right: for each model bool[clips], whether it hears each clip right; the same clips.
    """
    pairs = list(itertools.combinations(range(len(names)), 2))
    only = [
        (int(np.sum(right[a] & ~right[b])), int(np.sum(right[b] & ~right[a]))) for a, b in pairs
    ]
    p_values = holm([mcnemar_exact(*one) for one in only])
    return [
        Comparison(
            first=names[a],
            second=names[b],
            only_first=first,
            only_second=second,
            p_value=p_value,
            better=(names[a] if first > second else names[b]) if p_value < SIGNIFICANCE else None,
        )
        for (a, b), (first, second), p_value in zip(pairs, only, p_values, strict=True)
    ]
