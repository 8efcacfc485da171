"""Thresholds for single words: the fewest misses that a number of false accepts allows."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from host_tools.evaluation.det import Sweep
from host_tools.evaluation.detector import HYSTERESIS, ONE_Q15, Setting
from host_tools.evaluation.hearing import Tally
from host_tools.evaluation.per_word import per_word_settings

THRESHOLDS = (8_000, 16_000, 24_000, 32_000)
MISSES = {"yes": (0, 4, 9, 20), "no": (1, 2, 3, 5)}
FALSE = {"yes": (9, 6, 1, 0), "no": (4, 2, 2, 0)}
SAID = 30
OWN_HYSTERESIS_Q15 = round(HYSTERESIS * ONE_Q15)


def sweep(levels: int = len(THRESHOLDS), passes: float = 1.0) -> Sweep:
    """Two words, and a class that is none, at the lowest thresholds."""
    said = np.array([SAID, SAID, 0])
    tallies = tuple(
        Tally(
            said,
            said - np.array([MISSES["yes"][n], MISSES["no"][n], 0]),
            np.array([FALSE["yes"][n], FALSE["no"][n], 0]),
            0,
            (),
        )
        for n in range(levels)
    )
    settings = tuple(Setting(3, 10, 3_000, (one, one, 0)) for one in THRESHOLDS[:levels])
    return Sweep(settings, (tallies, tallies), (10.0, 10.0), passes)


def fewest_misses(budget: int) -> int:
    return min(
        MISSES["yes"][a] + MISSES["no"][b]
        for a, b in itertools.product(range(len(THRESHOLDS)), repeat=2)
        if FALSE["yes"][a] + FALSE["no"][b] <= budget
    )


@pytest.mark.parametrize("budget", range(14))
def test_no_other_thresholds_miss_less(budget: int) -> None:
    (one,) = per_word_settings(sweep(), budget)
    assert one.threshold_q15[2] == 0
    yes, no = (THRESHOLDS.index(threshold) for threshold in one.threshold_q15[:2])
    assert FALSE["yes"][yes] + FALSE["no"][no] <= budget
    assert MISSES["yes"][yes] + MISSES["no"][no] == fewest_misses(budget)
    assert one.hysteresis_q15 == OWN_HYSTERESIS_Q15 < min(one.threshold_q15[:2])
    assert (one.smoothing_steps, one.refractory_steps) == (3, 10)


def test_a_setting_that_was_tried_is_not_proposed_again() -> None:
    assert [one.threshold_q15 for one in per_word_settings(sweep(), 3)] == [(24_000, 16_000, 0)]
    found = sweep()
    tried = replace(found.settings[3], hysteresis_q15=OWN_HYSTERESIS_Q15)
    assert per_word_settings(replace(found, settings=(*found.settings[:3], tried)), 0) == []


def test_repetitions_allow_as_many_events_more() -> None:
    assert per_word_settings(sweep(passes=2.0), 1) == per_word_settings(sweep(), 2)


def test_where_no_thresholds_keep_to_it_nothing_is_proposed() -> None:
    assert per_word_settings(sweep(levels=3), 2) == []
    assert per_word_settings(sweep(levels=3), 3) != []
