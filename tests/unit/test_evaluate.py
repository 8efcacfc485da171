"""Accuracy, its interval and the confusion matrix against values worked out by hand."""

import numpy as np
import pytest

from training.evaluate import accuracy, by_class, confusion, decide, wilson


@pytest.mark.parametrize(
    ("right", "clips", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_against_published_values(right, clips, low, high):
    assert wilson(right, clips) == pytest.approx((low, high), abs=5e-5)


def test_wilson_stays_in_bounds():
    assert wilson(20, 20)[1] == 1.0
    with pytest.raises(ValueError, match="3 right of 2 clips"):
        wilson(3, 2)
    with pytest.raises(ValueError, match="0 right of 0 clips"):
        wilson(0, 0)


def test_lowest_index_wins_a_tie():
    assert decide(np.array([[1, 5, 5], [7, 7, 0]], np.int8)).tolist() == [1, 0]


def test_confusion_has_what_was_said_in_rows():
    decisions, targets = np.array([0, 2, 2, 1]), np.array([0, 0, 2, 2])
    counts = confusion(decisions, targets, 3)
    assert counts.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 1]]
    rows = by_class(counts)
    assert rows[1] is None
    assert [row.value for row in rows if row] == [0.5, 0.5]
    reached = accuracy(decisions, targets)
    assert (reached.right, reached.clips, reached.value) == (2, 4, 0.5)
    assert reached.low < 0.5 < reached.high
