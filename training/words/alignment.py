"""Where a template lies inside longer recordings: subsequence dynamic time warping.

Sakoe and Chiba's symmetric steps with slope constraint P = 1 (1978): a word may be spoken half or
twice as fast, and no step stays in a row, so a whole batch of recordings is one array operation a
row. Beginning and end of the path are free along the recording (Mueller, 2007, section 4.4).
"""

from __future__ import annotations

from collections.abc import Sequence
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


def align(template: NDArray[np.float32], recordings: Sequence[NDArray[np.float32]]) -> Matches:
    """Find the template in every recording.

    Args:
        template: [frames, features], at least two frames.
        recordings: [frames, features] each, of any length.
    """
    cost = np.full(len(recordings), np.inf)
    start, stop = np.zeros((2, len(recordings)), np.int64)
    # Like lengths together: a batch is as wide as its longest.
    order = np.argsort([len(recording) for recording in recordings], kind="stable")
    for batch in np.split(order, range(_BATCH, len(order), _BATCH)):
        distances = _distances(template, [recordings[index] for index in batch])
        cost[batch], start[batch], stop[batch] = _cheapest(distances)
    return Matches(cost, start, stop)


_BATCH = 32
"""Recordings that are aligned at once."""


def _distances(
    template: NDArray[np.float32], recordings: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Euclidean distances [rows, recordings, columns]; infinite beyond the end of a recording."""
    width = max(map(len, recordings))
    padded = np.zeros((len(recordings), width, template.shape[1]), np.float32)
    outside = np.ones((len(recordings), width), bool)
    for index, recording in enumerate(recordings):
        padded[index, : len(recording)] = recording
        outside[index, : len(recording)] = False
    squares = np.sum(template**2, axis=1)[:, None, None] + np.sum(padded**2, axis=2)
    products = np.tensordot(template, padded, axes=(1, 2))
    distances = np.sqrt(np.maximum(squares - 2.0 * products, 0.0))
    distances[:, outside] = np.inf
    return distances


def _cheapest(
    distances: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Mean cost, first column and column after the last of the best path in each recording."""
    rows, recordings, width = distances.shape
    here = distances[0]
    total, begin = here.astype(np.float64), np.broadcast_to(np.arange(width), here.shape)
    earlier_total, earlier_begin = np.full_like(total, np.inf), begin
    for row in range(1, rows):
        before, here = here, distances[row]
        choices = (
            _later(total, 1) + 2.0 * here,
            # Two columns in one row: spoken slower than the template.
            _later(total, 2) + 2.0 * _later(here, 1) + here,
            # Two rows in one column: spoken faster.
            _later(earlier_total, 1) + 2.0 * before + here,
        )
        begins = (_later(begin, 1, 0), _later(begin, 2, 0), _later(earlier_begin, 1, 0))
        best = np.argmin(choices, axis=0)
        earlier_total, earlier_begin = total, begin
        total, begin = np.choose(best, choices), np.choose(best, begins)
    # A path of symmetric steps weighs as much as it has rows and columns.
    mean = total / (rows + np.arange(width) - begin + 1)
    last = np.argmin(mean, axis=1)
    each = np.arange(recordings)
    return mean[each, last], begin[each, last], last + 1


def _later(values: NDArray, columns: int, fill: float = np.inf) -> NDArray:
    """Shifted to the right: column j holds what column j - `columns` held."""
    moved = np.full_like(values, fill)
    moved[:, columns:] = values[:, :-columns]
    return moved
