"""Requantisation in one multiplication, fitted to the reference's results at export.

TensorFlow Lite rounds twice: `round(round(acc * multiplier / 2**31) / 2**exponent) + zero_point`,
then clamps. Over the accumulators that a channel can reach this is a staircase of at most 255
steps. A kernel that keeps `SCALE * acc` may instead compute

    saturate(((SCALE * acc + beta) * factor) >> (32 + FRACTION_BITS))

where `beta` joins the bias: a high word of a product and a saturating shift. For a `factor`, the
step to level `j` is right for a run of `SCALE` values of beta; all steps are right where these runs
meet. How far apart they lie is convex in `1 / factor`, so a ternary search finds where they meet
best. The factor, now an integer, is then checked at every step: the two staircases are equal for
every accumulator of the range.

Where results below the zero point matter, few channels fit: the reference's ties go away from
zero, so its staircase has a kink there, which a line has not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SCALE = 256
"""Accumulators carry eight fraction bits."""
FRACTION_BITS = 10
"""Bits of the high word that the saturating shift drops."""
PRODUCT_BITS = 32 + FRACTION_BITS
FACTOR_LIMIT = 2**31 - 1
REFERENCE_BITS = 31
INT8_MIN, INT8_MAX = -128, 127
SEARCH_STEPS = 120
"""Each takes a third off the logarithm of what is left of 2**31 factors."""
_FAR = np.int64(2**61)
_LEVELS = np.arange(INT8_MIN + 1, INT8_MAX + 1, dtype=np.int64)


@dataclass(frozen=True)
class Staircase:
    """What each channel's results are, by its accumulator.

    Attributes:
        multiplier: int64[channels], Q31.
        exponent: int64[channels], of the right shift, 1 .. `weighted.EXPONENT_LIMIT`.
        low: int64[channels], least accumulator.
        high: int64[channels], greatest accumulator.
        zero_point: of the output.
    """

    multiplier: np.ndarray
    exponent: np.ndarray
    low: np.ndarray
    high: np.ndarray
    zero_point: int

    def thresholds(self) -> np.ndarray:
        """int64[channels, 255]: the least accumulator of a result >= -127, ..., >= 127.

        A channel of multiplier 0 reaches levels up to the zero point always, and no other.
        """
        levels = _LEVELS - self.zero_point
        exponent = self.exponent[:, None]
        # The second rounding takes ties away from zero: below zero they fall to the lower level.
        rounded = (levels << exponent) - (np.int64(1) << (exponent - 1)) + (levels <= 0)
        numerator = (rounded << REFERENCE_BITS) - (1 << (REFERENCE_BITS - 1))
        multiplier = self.multiplier[:, None]
        steps = -(-numerator // np.maximum(multiplier, 1))
        return np.where(multiplier > 0, steps, np.where(levels <= 0, -_FAR, _FAR))


@dataclass(frozen=True)
class Fit:
    """`factor` and `beta` of each channel, int64[channels]; they hold where `found`."""

    factor: np.ndarray
    beta: np.ndarray
    found: np.ndarray


def _beta_range(steps: np.ndarray, stairs: Staircase, start: np.ndarray) -> np.ndarray:
    """[2, channels]: least and greatest beta that give the reference's staircase.

    Args:
        start: [channels, 255], least scaled accumulator of each level when beta is 0.
    """
    low, high = stairs.low[:, None], stairs.high[:, None]
    # At its step, or at the least accumulator if it lies below, a level must be reached ...
    reached = np.where(steps <= high, start - SCALE * np.maximum(steps, low), -_FAR)
    # ... and just before its step, or at the greatest accumulator, not yet.
    missed = np.where(steps > low, start - 1 - SCALE * np.minimum(steps - 1, high), _FAR)
    # Every accumulator stays in int32.
    least = np.maximum(reached.max(axis=1), -(2**31) - SCALE * stairs.low)
    return np.stack([least, np.minimum(missed.min(axis=1), 2**31 - 1 - SCALE * stairs.high)])


def _widest_inverse(steps: np.ndarray, stairs: Staircase) -> np.ndarray:
    """float64[channels]: the 1 / factor whose runs of beta overlap most, as real numbers."""
    width = np.ldexp(_LEVELS.astype(float), PRODUCT_BITS)
    left = np.full(len(steps), 1 / FACTOR_LIMIT)
    right = np.ones(len(steps))

    def gap(inverse: np.ndarray) -> np.ndarray:
        least, greatest = _beta_range(steps, stairs, width * inverse[:, None])
        return least - greatest

    for _ in range(SEARCH_STEPS):
        # Factors span decades: thirds of the ratio, which leaves a function one valley.
        third = (right / left) ** (1 / 3)
        first, second = left * third, right / third
        falls = gap(first) > gap(second)
        left, right = np.where(falls, first, left), np.where(falls, right, second)
    return np.sqrt(left * right)


def fit_requantisation(stairs: Staircase) -> Fit:
    """Factor and beta of every channel that has them.

    `SCALE * acc + beta` of a fitted channel stays in int32 for all its accumulators.
    """
    steps = stairs.thresholds()
    factor = np.rint(1 / _widest_inverse(steps, stairs)).astype(np.int64)
    factor = np.clip(factor, 1, FACTOR_LIMIT)
    # |level| * 2**42 fits int64: exact from here on.
    start = -(-(_LEVELS << PRODUCT_BITS) // factor[:, None])
    least, greatest = _beta_range(steps, stairs, start)
    beta = least + (greatest - least) // 2
    return Fit(factor, beta, least <= greatest)
