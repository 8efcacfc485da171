"""Constants in the layouts of sotto/nn_portable.h."""

from __future__ import annotations

import numpy as np

from training.export.weighted import INT8_MAX, INT8_MIN

GROUP = 4
"""Taps whose products the matrix kernel adds before it takes their digit."""
OFFSET = 128
"""Stored weights are not negative."""
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


def pack_runs(groups: np.ndarray) -> np.ndarray:
    """`runs` of `sotto_matrix_portable_params`: how the groups that fit a digit follow one another.

    The low digit of a group is a sum of inputs times the second weight of each pair, so it fits
    where the sum over all four does.

    Args:
        groups: int64[channels, groups, 4].

    Returns:
        int16[channels + number of groups that do not fit].
    """
    runs = []
    for fits in fits_digit(groups):
        stops = np.append(np.flatnonzero(~fits), len(fits))
        runs.append(np.diff(stops, prepend=-1) - 1)
    return np.concatenate(runs).astype(np.int16)


def pack_weights(groups: np.ndarray) -> np.ndarray:
    """`weights` of `sotto_matrix_portable_params`: int32[channels * groups] of int64[..., 4]."""
    stored = (groups + OFFSET).astype(np.uint32)
    word = stored[..., 1] | stored[..., 3] << 8 | stored[..., 0] << 16 | stored[..., 2] << 24
    return word.reshape(-1).astype(np.uint32).view(np.int32)


def pack_constants(
    weights: np.ndarray,
    bias: np.ndarray,
    input_offset: int,
    factors: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """`constants` of `sotto_matrix_portable_params`.

    Args:
        weights: int64[channels, taps].
        bias: int32[channels].
        factors: multiplier and exponent, int64[channels] each.

    Returns:
        int32[channels * 3].
    """
    start = bias + input_offset * weights.sum(axis=1)
    return np.column_stack([start, factors[0], factors[1] - 1]).astype(np.int32).reshape(-1)
