"""Constants in the layouts of sotto/nn_dsp.h."""

from __future__ import annotations

import numpy as np

SCALE = 256
"""Accumulators carry eight fraction bits."""
PACKING_CONSTANT = 32_513
"""What matrix_block.h subtracts for each odd weight: 128 * 256 - 255."""
UNSIGNED_OFFSET = 128
"""The matrix kernel reads stored + 128."""
GROUP = 4


def _int32(values: np.ndarray) -> np.ndarray:
    """int64 modulo 2**32: sums in the kernels wrap, so constants may."""
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def _lanes(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Two signed 16-bit lanes in a word."""
    if min(low.min(), high.min()) < -(2**15) or max(low.max(), high.max()) >= 2**15:
        raise ValueError("a weight leaves its 16-bit lane")
    return (low & 0xFFFF) | ((high & 0xFFFF) << 16)


def pack_matrix(
    weights: np.ndarray,
    bias: np.ndarray,
    input_offset: int,
    factors: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Stream of `sotto_matrix_dsp_params`.

    Args:
        weights: int64[channels, taps].
        bias: int32[channels].
        factors: multiplier and exponent, int64[channels] each.

    Returns:
        int32[channel pairs * (2 + 2 * groups + 4)].
    """
    channels, taps = weights.shape
    groups = -(-taps // GROUP)
    padded = np.zeros((channels + channels % 2, groups * GROUP), np.int64)
    padded[:channels, :taps] = weights
    start = np.zeros(len(padded), np.int64)
    start[:channels] = bias
    start += (input_offset - UNSIGNED_OFFSET) * padded.sum(axis=1)
    start = SCALE * start + PACKING_CONSTANT * padded[:, 1::2].sum(axis=1)
    quads = padded.reshape(len(padded), groups, GROUP)
    words = _lanes(SCALE * quads[..., 0] + quads[..., 1], SCALE * quads[..., 2] + quads[..., 3])
    multiplier, exponent_less_1 = np.zeros((2, len(padded)), np.int64)
    multiplier[:channels], exponent_less_1[:channels] = factors[0], factors[1] - 1
    columns = np.column_stack([start, words, multiplier, exponent_less_1])
    # [pair, channel of the pair, field] -> [pair, field, channel of the pair]
    pairs = columns.reshape(-1, 2, columns.shape[1]).transpose(0, 2, 1)
    return _int32(pairs.reshape(-1))


def pack_depthwise(
    weights: np.ndarray,
    bias: np.ndarray,
    input_offset: int,
    factors: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Stream of `sotto_depthwise_dsp_params`.

    Args:
        weights: int64[taps, channels], channels >= 4.
        bias: int32[channels].
        factors: multiplier and exponent, int64[channels] each.

    Returns:
        int32[ceil(channels / 4) * (4 + 4 * pairs of taps + 8)].
    """
    taps, channels = weights.shape
    even = np.vstack([weights, np.zeros((taps % 2, channels), np.int64)])
    start = SCALE * (bias + input_offset * weights.sum(axis=0))
    words = _lanes(SCALE * even[0::2], SCALE * even[1::2])
    pieces = []
    for first in range(0, channels, GROUP):
        four = slice(min(first, channels - GROUP), min(first, channels - GROUP) + GROUP)
        ends = np.column_stack([factors[0][four], factors[1][four] - 1])
        pieces += [start[four], words[:, four].reshape(-1), ends.reshape(-1)]
    return _int32(np.concatenate(pieces))


def pack_depthwise_rows(
    weights: np.ndarray,
    bias: np.ndarray,
    input_offset: int,
    factors: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Stream of `sotto_depthwise_rows_dsp_params`.

    Args:
        weights: int64[kernel height, 3, channels].
        bias: int32[channels].
        factors: multiplier and exponent, int64[channels] each.

    Returns:
        int32[channels * (3 + 2 * kernel height)].
    """
    start = SCALE * (bias + input_offset * weights.sum(axis=(0, 1)))
    scaled = SCALE * weights
    first, second = _lanes(scaled[:, 0], scaled[:, 1]), _lanes(scaled[:, 1], scaled[:, 2])
    rows = np.stack([first, second], axis=1).reshape(-1, weights.shape[2])
    return _int32(np.vstack([start, factors[0], factors[1] - 1, rows]).T.reshape(-1))
