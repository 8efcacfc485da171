"""One multiplication in place of TensorFlow Lite's two roundings: equal for every accumulator."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.export.fixed_point import requantize
from training.export.requantise_fit import (
    FACTOR_LIMIT,
    PRODUCT_BITS,
    SCALE,
    Staircase,
    fit_requantisation,
)

CHANNELS = 64


def _layer(seed: int, zero_point: int) -> Staircase:
    """Channels as keyword models have them: results of -50 to 400 levels."""
    rng = np.random.default_rng(seed)
    high = rng.integers(1, 40_000, CHANNELS)
    return Staircase(
        multiplier=rng.integers(2**30, 2**31, CHANNELS),
        exponent=rng.integers(4, 11, CHANNELS),
        low=-rng.integers(1, 40_000, CHANNELS),
        high=high,
        zero_point=zero_point,
    )


def _by_hand(stairs: Staircase, channel: int, accumulators: np.ndarray) -> np.ndarray:
    multiplier, exponent = int(stairs.multiplier[channel]), int(stairs.exponent[channel])
    results = [requantize(int(a), multiplier, -exponent) for a in accumulators]
    return np.clip(np.array(results) + stairs.zero_point, -128, 127)


@given(st.integers(0, 2**32 - 1), st.sampled_from([-128, -128, -100, 0, 5, 127]))
@settings(max_examples=25, deadline=None)
def test_a_fitted_channel_is_exact_for_every_accumulator(seed: int, zero_point: int) -> None:
    stairs = _layer(seed, zero_point)
    fit = fit_requantisation(stairs)
    if zero_point == -128:
        assert fit.found.mean() > 0.9
    for channel in np.flatnonzero(fit.found)[:3]:
        low, high = int(stairs.low[channel]), int(stairs.high[channel])
        accumulators = np.unique(np.append(np.arange(low, high, 7), [low, high]))
        steps = stairs.thresholds()[channel]
        near = np.concatenate([steps - 1, steps])
        accumulators = np.append(accumulators, near[(near >= low) & (near <= high)])
        scaled = SCALE * accumulators + fit.beta[channel]
        assert np.abs(scaled).max() < 2**31
        assert 1 <= fit.factor[channel] <= FACTOR_LIMIT
        results = np.clip((scaled * fit.factor[channel]) >> PRODUCT_BITS, -128, 127)
        np.testing.assert_array_equal(results, _by_hand(stairs, channel, accumulators))


def test_thresholds_are_the_first_accumulators_of_a_level() -> None:
    stairs = _layer(3, zero_point=-20)
    steps = stairs.thresholds()
    for channel in range(0, CHANNELS, 9):
        below = _by_hand(stairs, channel, steps[channel] - 1)
        at = _by_hand(stairs, channel, steps[channel])
        np.testing.assert_array_equal(at, np.maximum(at, np.arange(-127, 128)))
        assert (below < np.arange(-127, 128)).all()


def test_channels_of_one_result_fit() -> None:
    """Dead (multiplier 0), and too small to leave the zero point."""
    stairs = Staircase(
        multiplier=np.array([0, 2**30]),
        exponent=np.array([1, 22]),
        low=np.array([-9_000, -9_000]),
        high=np.array([9_000, 9_000]),
        zero_point=-3,
    )
    fit = fit_requantisation(stairs)
    assert fit.found.all()
    for accumulator in (-9_000, 0, 9_000):
        scaled = SCALE * accumulator + fit.beta
        assert ((scaled * fit.factor) >> PRODUCT_BITS == -3).all()


def test_a_kink_is_not_fitted() -> None:
    """Ties away from zero: a symmetric staircase is no line."""
    stairs = Staircase(np.array([2**30 + 77]), np.array([8]), *np.array([[-30_000], [30_000]]), 0)
    assert not fit_requantisation(stairs).found.any()
