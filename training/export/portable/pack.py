"""Constants in the layouts of sotto/nn_portable.h."""

from __future__ import annotations

import numpy as np

from training.export.requantise_fit import SCALE, Staircase, fit_requantisation
from training.export.weighted import INT8_MAX, INT8_MIN, wrap_int32

GROUP = 4
"""Taps whose products the matrix kernel adds before it takes their digit."""
OFFSET = 128
"""Stored weights are not negative."""
ASIDE_FLAG = 1 << 31
"""Of words that hold a pair of weights set aside, to tell them from those behind."""
EXPONENTS = 32
"""A bias times this has room for an exponent - 1."""
BIAS_LIMIT = 2**31 // EXPONENTS
DIGIT_MIN, DIGIT_MAX = -(2**15), 2**15 - 1


def pad_taps(weights: np.ndarray) -> np.ndarray:
    """int64[channels, groups, 4] of int64[channels, taps], zeros behind the taps."""
    channels, taps = weights.shape
    padded = np.zeros((channels, -(-taps // GROUP) * GROUP), np.int64)
    padded[:, :taps] = weights
    return padded.reshape(channels, -1, GROUP)


def fits_digit(weights: np.ndarray) -> np.ndarray:
    """Whether sums of products with any inputs in -128 .. 127 fit 16 bits.

    Args:
        weights: int64[..., n]: the sums are over the last dimension.

    Returns:
        bool[...].
    """
    least = np.minimum(weights * INT8_MIN, weights * INT8_MAX).sum(axis=-1)
    greatest = np.maximum(weights * INT8_MIN, weights * INT8_MAX).sum(axis=-1)
    return (least >= DIGIT_MIN) & (greatest <= DIGIT_MAX)


def requantisation_constants(
    start: np.ndarray,
    limits: tuple[np.ndarray, np.ndarray],
    factors: tuple[np.ndarray, np.ndarray],
    zero_point: int,
) -> tuple[bool, np.ndarray] | None:
    """Constants of each channel: fitted ones where every channel has them, else exact ones.

    Args:
        start: what the accumulators of stored inputs start with, int64[channels].
        limits: least and greatest accumulator of each channel.
        factors: multiplier and exponent, int64[channels] each.
        zero_point: of the output.

    Returns:
        Whether they are fitted, and int32[channels, 2]; None where a bias takes 27 bits or more.
    """
    fit = fit_requantisation(Staircase(*factors, *limits, zero_point))
    if fit.found.all():
        return True, wrap_int32(np.column_stack([fit.factor, SCALE * start + fit.beta]))
    if np.abs(start).max() >= BIAS_LIMIT:
        return None
    return False, wrap_int32(np.column_stack([factors[0], EXPONENTS * start + factors[1] - 1]))


def fold_zero_point(weights: np.ndarray, bias: np.ndarray, input_offset: int) -> np.ndarray:
    """int64[channels]: what the accumulators of stored inputs start with.

    Args:
        weights: int64[channels, taps].
        bias: int32[channels].
    """
    return np.asarray(bias + input_offset * weights.sum(axis=1))


def pack_matrix(groups: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """Stream of `sotto_matrix_portable_params`.

    The low digit of a group is a sum of inputs times the second weight of each pair, so it fits
    where the sum over all four does.

    Args:
        groups: int64[channels, groups, 4]; each pair of taps fits a digit.
        constants: int32[channels, 2].

    Returns:
        int32[words].
    """
    stream = []
    for channel, fits in enumerate(fits_digit(groups)):
        weights = groups[channel].copy()
        aside = np.flatnonzero(~fits)
        low, high = weights[aside, 1] & 0xFF, weights[aside, 0] & 0xFF
        set_aside = ASIDE_FLAG | aside << 16 | high << 8 | low
        weights[aside, :2] = 0
        stored = weights + OFFSET
        words = stored[:, 1] | stored[:, 3] << 8 | stored[:, 0] << 16 | stored[:, 2] << 24
        stream += [words, set_aside, constants[channel]]
    return wrap_int32(np.concatenate(stream))
