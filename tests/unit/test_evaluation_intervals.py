"""Intervals and paired tests against published and hand-computed values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from host_tools.evaluation.compare import compare
from host_tools.evaluation.intervals import (
    holm,
    mcnemar_exact,
    poisson_interval,
    poisson_upper,
    rate,
    resolvable_per_hour,
    share,
)


@pytest.mark.parametrize(
    ("events", "low", "high"),
    # Garwood's table (Ulm 1990).
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (4, 1.090, 10.242), (10, 4.795, 18.390)],
)
def test_poisson_interval_has_the_published_values(events: int, low: float, high: float) -> None:
    assert poisson_interval(events) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize("events", [0, 1, 5, 33])
def test_poisson_bounds_leave_the_tail_that_they_promise(events: int) -> None:
    low, high = poisson_interval(events)
    assert stats.poisson.cdf(events, high) == pytest.approx(0.025)
    assert events == 0 or stats.poisson.sf(events - 1, low) == pytest.approx(0.025)
    assert stats.poisson.cdf(events, poisson_upper(events)) == pytest.approx(0.05)


def test_no_event_resolves_three_over_the_hours() -> None:
    assert resolvable_per_hour(10.0) == pytest.approx(-math.log(0.05) / 10)


def test_repeated_audio_does_not_make_a_rate_surer() -> None:
    once, twice = rate(3, 2.0), rate(6, 4.0, repeats=2.0)
    assert (twice.value, twice.low, twice.high) == pytest.approx((once.value, once.low, once.high))
    assert share(10, 40, 2.0).low == pytest.approx(share(5, 20).low)
    assert share(0, 0).high == 1.0


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 2 / 64), (1, 8, 2 * 10 / 512), (9, 2, 2 * 67 / 2048)],
)
def test_mcnemar_is_the_binomial_test_of_the_telling_clips(
    first: int, second: int, p_value: float
) -> None:
    assert mcnemar_exact(first, second) == pytest.approx(p_value)


def test_holm_corrects_in_order_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_models_are_ranked_only_where_the_clips_tell_them_apart() -> None:
    right = np.ones(100, bool)
    worse, close = right.copy(), right.copy()
    worse[:20], close[:2] = False, False
    best_worse, best_close, worse_close = compare(["best", "worse", "close"], [right, worse, close])
    assert (best_worse.only_first, best_worse.only_second) == (20, 0)
    assert best_worse.better == "best"
    assert best_close.better is None
    assert worse_close.better == "close"
