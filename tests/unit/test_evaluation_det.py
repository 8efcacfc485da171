"""Events against words, the DET curve against counting by hand, and the rule of the choice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.evaluation.det import Sweep, choose
from host_tools.evaluation.detector import ONE_Q15, Event, Setting, grid, setting, thresholds_q15
from host_tools.evaluation.hearing import TOLERANCE_S, Tally, match, no_tally
from host_tools.evaluation.intervals import poisson_upper
from host_tools.evaluation.recordings import NEGATIVE
from host_tools.evaluation.streams import Spoken

RATE_HZ = 1_000
LATE = round(TOLERANCE_S * RATE_HZ)
WORDS = [True, True, False]
LABELS = ["yes", "no", "_unknown_"]


def heard(label: int) -> Event:
    return Event(0, label, 20_000)


def tally(events: list[tuple[int, int]], spoken: list[Spoken]) -> Tally:
    """Events as (sample, label)."""
    return match(
        [heard(label) for _, label in events],
        [time for time, _ in events],
        spoken,
        WORDS,
        RATE_HZ,
    )


YES = Spoken(label=0, start=1_000, end=1_500, source=0)
UNKNOWN = Spoken(label=2, start=5_000, end=5_400, source=1)
OTHER = Spoken(label=NEGATIVE, start=8_000, end=8_400, source=2)


@pytest.mark.parametrize(
    ("time", "hit"),
    [(999, 0), (1_000, 1), (1_500, 1), (1_500 + LATE, 1), (1_501 + LATE, 0)],
)
def test_a_word_is_heard_from_its_start_until_the_tolerance_ends(time: int, hit: int) -> None:
    found = tally([(time, 0)], [YES, UNKNOWN])
    assert (found.hits[0], found.false_accepts[0]) == (hit, 1 - hit)
    assert list(found.spoken) == [1, 0, 0]
    assert found.latency_s == (((time - 1_500) / RATE_HZ,) if hit else ())


def test_a_second_event_of_a_word_is_a_repetition() -> None:
    found = tally([(1_200, 0), (1_600, 0)], [YES])
    assert (found.hits[0], found.repeats, found.false_accepts.sum()) == (1, 1, 0)


def test_an_event_of_another_word_is_a_miss_and_a_false_accept() -> None:
    found = tally([(1_200, 1)], [YES])
    assert list(found.hits) == [0, 0, 0]
    assert list(found.false_accepts) == [0, 1, 0]


def test_what_is_said_in_unknown_and_negatives_is_no_word() -> None:
    found = tally([(5_100, 0), (8_100, 1)], [UNKNOWN, OTHER])
    assert list(found.spoken) == [0, 0, 0]
    assert list(found.false_accepts) == [1, 1, 0]


def test_an_event_between_two_belongs_to_the_one_that_began_last() -> None:
    soon = Spoken(label=0, start=2_000, end=2_300, source=1)
    found = tally([(2_100, 0)], [YES, soon])
    assert found.hits[0] == 1
    assert found.latency_s == (-0.2,)
    assert tally([(1_900, 0), (2_100, 0)], [YES, soon]).hits[0] == 2


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.integers(0, 20_000), max_size=25, unique=True),
    starts=st.lists(st.integers(0, 18_000), max_size=12, unique=True),
    seed=st.integers(0, 999),
)
def test_tallies_add_up(times: list[int], starts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    events = [(time, int(rng.integers(2))) for time in sorted(times)]
    spoken = [
        Spoken(int(rng.integers(-1, 3)), start, start + 300, n)
        for n, start in enumerate(sorted(starts))
    ]
    found = tally(events, spoken)
    assert found.hits.sum() + found.false_accepts.sum() + found.repeats == len(events)
    assert (found.hits <= found.spoken).all()
    assert found.spoken.sum() == sum(one.label in (0, 1) for one in spoken)
    assert len(found.latency_s) == found.hits.sum()


def counted(threshold: int, misses: int, false: int, smoothing: int = 1) -> tuple[Setting, Tally]:
    """One setting that heard 100 words."""
    said = np.array([60, 40, 0])
    missed = np.array([min(misses, 60), max(0, misses - 60), 0])
    wrong = np.array([false, 0, 0])
    one = Setting(smoothing, 10, 0, (threshold, threshold, 0))
    return one, Tally(said, said - missed, wrong, 0, ())


def sweep_of(rows: list[tuple[Setting, Tally]], hours: float, passes: float = 1.0) -> Sweep:
    found, tallies = zip(*rows, strict=True)
    return Sweep(found, (tallies, tallies), (hours, hours), passes)


def test_figures_count_one_half_both_or_one_word() -> None:
    found = sweep_of([counted(100, misses=70, false=6)], hours=2.0)
    one, both, no = found.figures(0, 0), found.figures(0), found.figures(0, 0, label=1)
    assert (one.miss.hits, one.miss.trials, one.false_accepts.value) == (70, 100, 3.0)
    assert (both.miss.hits, both.miss.trials, both.false_accepts.hours) == (140, 200, 4.0)
    assert (no.miss.hits, no.miss.trials, no.false_accepts.events) == (10, 40, 0)


def test_a_curve_is_one_smoothing_by_threshold() -> None:
    rows = [counted(300, 3, 0), counted(100, 1, 9), counted(200, 2, 2, smoothing=4)]
    assert sweep_of(rows, 1.0).curve(1) == [1, 0]


ROWS = [
    counted(100, misses=1, false=30),
    counted(200, misses=5, false=4),
    counted(300, misses=9, false=1),
    counted(400, misses=20, false=0),
    counted(500, misses=40, false=0),
]


@pytest.mark.parametrize(
    ("hours", "wanted", "index", "allowed"),
    [
        (10.0, 0.0, 3, 0),  # nothing below 0.3/h can be shown: only no event will do
        (10.0, 0.47, 3, 0),
        (10.0, 0.48, 2, 1),  # one event in ten hours is surely below 0.474/h
        (10.0, 1.0, 1, 4),
        (10.0, 9.0, 0, 74),
        (1.0, 0.1, 3, 0),
    ],
)
def test_the_choice_misses_least_among_those_surely_below_the_rate(
    hours: float, wanted: float, index: int, allowed: int
) -> None:
    found = choose(sweep_of(ROWS, hours), wanted)
    assert (found.index, found.allowed_events, found.reached) == (index, allowed, True)
    assert poisson_upper(allowed) <= found.held_per_hour * hours + 1e-9
    assert poisson_upper(allowed + 1) > found.held_per_hour * hours
    assert found.held_per_hour == pytest.approx(max(wanted, poisson_upper(0) / hours))


def test_ties_take_fewer_false_accepts_then_less_smoothing_then_a_higher_threshold() -> None:
    rows = [counted(100, 5, 2), counted(200, 5, 1, 4), counted(150, 5, 1), counted(180, 5, 1)]
    assert choose(sweep_of(rows, 100.0), 1.0).index == 3


def test_a_rate_that_no_setting_reaches_is_said() -> None:
    found = choose(sweep_of([counted(100, 1, 9), counted(200, 7, 4)], 1.0), 0.1)
    assert (found.index, found.reached) == (1, False)


def test_repeated_audio_allows_no_more_events_than_the_distinct_hours() -> None:
    once, again = choose(sweep_of(ROWS, 10.0), 0.5), choose(sweep_of(ROWS, 20.0, passes=2.0), 0.5)
    assert once.allowed_events == again.allowed_events == 1


def test_settings_of_the_grid_are_in_range_and_ascend() -> None:
    made = grid(LABELS, 0.1)
    assert len(made) == len(set(made))
    assert {one.smoothing_steps for one in made} == {1, 2, 4, 6}
    for one in made:
        assert one.refractory_steps == 10
        assert 0 <= one.hysteresis_q15 < one.threshold_q15[0] == one.threshold_q15[1] <= ONE_Q15
        assert one.threshold_q15[2] == 0
    assert thresholds_q15() == sorted(set(thresholds_q15()))
    assert len({one.smoothing_steps for one in grid(LABELS, 0.02)}) == 5
    assert setting(LABELS, 50, 0.0, 0.1).hysteresis_q15 == 25
    assert no_tally(3).hits.sum() == 0
