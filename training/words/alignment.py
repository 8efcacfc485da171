"""Where a template lies inside longer recordings: subsequence dynamic time warping.

Sakoe and Chiba's symmetric steps with slope constraint P = 1 (1978): a word may be spoken half or
twice as fast, and no step stays in a row, so a whole batch of recordings is one array operation a
row. Beginning and end of the path are free along the recording (Mueller, 2007, section 4.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Matches:
    """The best place of one template in each recording of a batch."""

    cost: NDArray[np.float64]
    """[recordings]: mean distance of the frames along the path; infinite where it does not fit."""
    start: NDArray[np.int64]
    """[recordings]: first frame."""
    stop: NDArray[np.int64]
    """[recordings]: frame after the last."""


def align(template: NDArray[np.float32], recordings: list[NDArray[np.float32]]) -> Matches:
    """Find the template in every recording.

    Args:
        template: [frames, features], at least two frames.
        recordings: [frames, features] each, of any length.
    """
    rows, width = len(template), max(map(len, recordings))
    padded = np.zeros((len(recordings), width, template.shape[1]), np.float32)
    outside = np.ones((len(recordings), width), bool)
    for index, recording in enumerate(recordings):
        padded[index, : len(recording)] = recording
        outside[index, : len(recording)] = False
    squares = np.sum(template**2, axis=1)[:, None] + np.sum(padded**2, axis=2)[:, None, :]
    cost = np.sqrt(np.maximum(squares - 2.0 * np.einsum("if,rjf->rij", template, padded), 0.0))
    cost[np.broadcast_to(outside[:, None, :], cost.shape)] = np.inf

    total = np.full((rows, len(recordings), width), np.inf)
    start = np.zeros((rows, len(recordings), width), np.int64)
    total[0] = cost[:, 0]
    start[0] = np.arange(width)
    for row in range(1, rows):
        here = cost[:, row]
        choices = [_later(total[row - 1], 1) + 2.0 * here]
        begins = [_later(start[row - 1], 1, 0)]
        # Two columns in one row: the template is spoken slower.
        choices.append(_later(total[row - 1], 2) + 2.0 * _later(here, 1) + here)
        begins.append(_later(start[row - 1], 2, 0))
        if row > 1:  # two rows in one column: spoken faster
            choices.append(_later(total[row - 2], 1) + 2.0 * cost[:, row - 1] + here)
            begins.append(_later(start[row - 2], 1, 0))
        stacked = np.stack(choices)
        best = np.argmin(stacked, axis=0)[None]
        total[row] = np.take_along_axis(stacked, best, axis=0)[0]
        start[row] = np.take_along_axis(np.stack(begins), best, axis=0)[0]
    # A path of symmetric steps weighs as much as it has rows and columns.
    columns = np.arange(width) - start[-1] + 1
    mean = total[-1] / (rows + columns)
    last = np.argmin(mean, axis=1)
    each = np.arange(len(recordings))
    return Matches(mean[each, last], start[-1][each, last], last + 1)


def _later(values: NDArray, columns: int, fill: float = np.inf) -> NDArray:
    """Shifted to the right: column j holds what column j - `columns` held."""
    moved = np.full_like(values, fill)
    moved[:, columns:] = values[:, :-columns]
    return moved
