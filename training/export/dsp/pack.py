"""Constants in the layouts of sotto/nn_dsp.h."""

from __future__ import annotations

import numpy as np

from training.export.dsp.params import DEPTHWISE_CHANNELS, VECTOR_CHANNELS
from training.export.requantise_fit import SCALE, Staircase, fit_requantisation
from training.export.weighted import channel_range, overlapping_blocks, wrap_int32

Factors = tuple[np.ndarray, np.ndarray]
"""Multiplier and exponent, int64[channels] each."""
PACKING_CONSTANT = 32_513
"""What matrix_block.h subtracts for each odd weight: 128 * 256 - 255."""
UNSIGNED_OFFSET = 128
"""The matrix kernel reads stored + 128."""
GROUP = 4
GROUPS_OF_UNIT = 2
LEAST_GROUPS = 2
"""Of a window of the matrix-vector kernels."""
MATRIX_CHANNELS = 2
"""Channels that the matrix kernels take at a time."""


def _lanes(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Two signed 16-bit lanes in a word."""
    if min(low.min(), high.min()) < -(2**15) or max(low.max(), high.max()) >= 2**15:
        raise ValueError("a weight leaves its 16-bit lane")
    return (low & 0xFFFF) | ((high & 0xFFFF) << 16)


def fit_or_exact(
    weights: np.ndarray, bias: np.ndarray, input_offset: int, output_offset: int, factors: Factors
) -> tuple[bool, np.ndarray, np.ndarray]:
    """How the results of a layer are requantised.

    Args:
        weights: int64[channels, taps].
        bias: int32[channels].
        factors: multiplier and exponent, int64[channels] each.

    Returns:
        Whether every channel fits; what its accumulator times SCALE starts with, beside the
        zero points' terms; what ends its stream, int64[channels, 1 or 2].
    """
    low, high = channel_range(weights, bias, input_offset)
    multiplier, exponent = factors
    fit = fit_requantisation(Staircase(multiplier, exponent, low, high, output_offset))
    if fit.found.all():
        return True, SCALE * bias.astype(np.int64) + fit.beta, fit.factor[:, None]
    return False, SCALE * bias.astype(np.int64), np.column_stack([multiplier, exponent - 1])


def pad_runs(weights: np.ndarray, runs: int) -> np.ndarray:
    """Weights of 0 behind each run of a window, to whole groups of four bytes.

    Args:
        weights: int64[channels, taps].
        runs: as many runs of taps, all of one length.

    Returns:
        int64[channels, taps and those of 0].
    """
    split = weights.reshape(len(weights), runs, -1)
    padded = np.pad(split, ((0, 0), (0, 0), (0, -split.shape[2] % GROUP)))
    return padded.reshape(len(weights), -1)


def _columns(
    weights: np.ndarray, start: np.ndarray, input_offset: int, ends: np.ndarray, groups: int
) -> np.ndarray:
    """int64[channels, 1 + groups + words]: start, groups of four weights and ends of a channel."""
    channels, taps = weights.shape
    padded = np.zeros((channels, groups * GROUP), np.int64)
    padded[:, :taps] = weights
    start = start + SCALE * (input_offset - UNSIGNED_OFFSET) * padded.sum(axis=1)
    start += PACKING_CONSTANT * padded[:, 1::2].sum(axis=1)
    quads = padded.reshape(channels, groups, GROUP)
    words = _lanes(SCALE * quads[..., 0] + quads[..., 1], SCALE * quads[..., 2] + quads[..., 3])
    return np.column_stack([start, words, ends])


def pack_matrix(
    weights: np.ndarray, start: np.ndarray, input_offset: int, ends: np.ndarray
) -> np.ndarray:
    """Stream of `sotto_matrix_dsp_params`.

    Args:
        weights: int64[channels, taps].
        start: int64[channels], what an accumulator starts with where the input is zero.
        ends: int64[channels, words], what ends the stream of a channel.

    Returns:
        int32[blocks of channels, MATRIX_CHANNELS * (1 + groups + words)].
    """
    groups = GROUPS_OF_UNIT * -(-weights.shape[1] // (GROUP * GROUPS_OF_UNIT))
    columns = _columns(weights, start, input_offset, ends, groups)
    odd = -len(columns) % MATRIX_CHANNELS
    columns = np.vstack([columns, np.zeros((odd, columns.shape[1]), np.int64)])
    # [block, channel of the block, field] -> [block, field, channel of the block]
    blocks = columns.reshape(-1, MATRIX_CHANNELS, columns.shape[1]).transpose(0, 2, 1)
    return wrap_int32(blocks.reshape(len(blocks), -1))


def pack_vector(
    weights: np.ndarray, start: np.ndarray, input_offset: int, ends: np.ndarray
) -> np.ndarray:
    """Stream of `sotto_matrix_vector_dsp_params`; arguments of `pack_matrix`.

    An exact end is a multiplier and an exponent - 1, which joins the bias.

    Returns:
        int32[channels * (2 + groups)].
    """
    groups = max(-(-weights.shape[1] // GROUP), LEAST_GROUPS)
    start = start + ends[:, 1:].sum(axis=1)
    columns = _columns(weights, start, input_offset, ends[:, :1], groups)
    whole = len(columns) - len(columns) % VECTOR_CHANNELS
    blocks = columns[:whole].reshape(-1, VECTOR_CHANNELS, columns.shape[1]).transpose(0, 2, 1)
    return wrap_int32(np.concatenate([blocks.reshape(-1), columns[whole:].reshape(-1)]))


def pack_depthwise(
    weights: np.ndarray,
    bias: np.ndarray,
    input_offset: int,
    factors: Factors,
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
    for four in overlapping_blocks(channels, DEPTHWISE_CHANNELS):
        ends = np.column_stack([factors[0][four], factors[1][four] - 1])
        pieces += [start[four], words[:, four].reshape(-1), ends.reshape(-1)]
    return wrap_int32(np.concatenate(pieces))


def pack_depthwise_rows(
    weights: np.ndarray, start: np.ndarray, input_offset: int, ends: np.ndarray
) -> tuple[np.ndarray, int]:
    """Stream of `sotto_depthwise_rows_dsp_params` and `sotto_depthwise_five_dsp_params`.

    Args:
        weights: int64[kernel height, 3, channels].
        start: int64[channels], what an accumulator starts with where the input is zero.
        ends: int64[channels, 1 or 2], what requantises a channel.

    Returns:
        int8[channels * (4 + 4 * words of ends + 3 * kernel height) + 1]; bytes of a channel.
    """
    start = start + SCALE * input_offset * weights.sum(axis=(0, 1))
    words = wrap_int32(np.column_stack([start, ends])).astype("<i4")
    # w1 first: a word of a row's bytes then has both pairs of weights a mask and a shift away
    rows = weights[:, [1, 0, 2]].reshape(-1, weights.shape[2]).T.astype(np.int8)
    channels = np.hstack([np.ascontiguousarray(words).view(np.int8), rows])
    return np.append(channels.reshape(-1), np.int8(0)), channels.shape[1]
