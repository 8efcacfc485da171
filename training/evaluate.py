"""How often a model is right, and how sure that number is; over NumPy arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True)
class Accuracy:
    """Share of right decisions with its 95 % interval; shares of 1."""

    right: int
    clips: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """Share of right decisions."""
        return self.right / self.clips


def decide(scores: np.ndarray) -> np.ndarray:
    """int64[clips]: index of the greatest score of [clips, classes], the lowest on ties."""
    return np.argmax(scores, axis=1)


def accuracy(decisions: np.ndarray, targets: np.ndarray) -> Accuracy:
    """Share of decisions[clips] that equal targets[clips]."""
    right, clips = int(np.sum(decisions == targets)), len(targets)
    low, high = wilson(right, clips)
    return Accuracy(right, clips, low, high)


def wilson(right: int, clips: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927); holds for few clips and shares near 1.

    Raises:
        ValueError: there are no clips, or more right ones than clips.
    """
    if not 0 <= right <= clips or clips == 0:
        raise ValueError(f"{right} right of {clips} clips is not a share")
    share, z2 = right / clips, Z_95**2
    middle = (share + z2 / (2 * clips)) / (1 + z2 / clips)
    half = Z_95 * math.sqrt(share * (1 - share) / clips + z2 / (4 * clips**2)) / (1 + z2 / clips)
    return max(0.0, middle - half), min(1.0, middle + half)


def confusion(decisions: np.ndarray, targets: np.ndarray, classes: int) -> np.ndarray:
    """int64[classes, classes]: clips by what was said (row) and what was decided (column)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (targets, decisions), 1)
    return counts


def by_class(counts: np.ndarray) -> list[Accuracy | None]:
    """Accuracy of each row of a confusion matrix; None for a class without clips."""
    rows: list[Accuracy | None] = []
    for label, row in enumerate(counts):
        clips, right = int(row.sum()), int(row[label])
        rows.append(Accuracy(right, clips, *wilson(right, clips)) if clips else None)
    return rows
