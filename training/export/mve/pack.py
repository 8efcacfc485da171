"""Constants in the layouts of sotto/nn_mve.h."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.export.mve.params import VECTOR_BYTES

QUAD = 4
"""Output channels that are computed at a time."""
RESULT_SHIFT = 24
"""The kernels leave a result in the uppermost byte of a word."""


@dataclass(frozen=True)
class Requantisation:
    """How accumulators become stored outputs: int64[channels] each, and the zero point."""

    multiplier: np.ndarray
    exponent: np.ndarray
    output_offset: int


def _quads(values: np.ndarray) -> np.ndarray:
    """[channels, ...] -> [quads, QUAD, ...], zeros behind the last channel."""
    channels = len(values)
    padded = np.zeros((-(-channels // QUAD) * QUAD, *values.shape[1:]), values.dtype)
    padded[:channels] = values
    return padded.reshape(-1, QUAD, *values.shape[1:])


def _words(values: np.ndarray) -> np.ndarray:
    """int64 modulo 2**32: sums in the kernels wrap, so constants may."""
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def _weights(columns: np.ndarray) -> np.ndarray:
    """int64[channels, bytes] -> int32[quads, vectors * 16]: a vector of each channel in turn."""
    channels, taps = columns.shape
    vectors = -(-taps // VECTOR_BYTES)
    padded = np.zeros((channels, vectors * VECTOR_BYTES), np.int8)
    padded[:, :taps] = columns
    quads = _quads(padded).reshape(-1, QUAD, vectors, VECTOR_BYTES).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(quads).reshape(len(quads), -1).view("<i4").astype(np.int32)


def _constants(
    columns: np.ndarray, bias: np.ndarray, input_offset: int, how: Requantisation
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bias, multiplier, rounding and left shift: int32[quads, QUAD] each."""
    start = bias.astype(np.int64) + input_offset * columns.sum(axis=1)
    rounding = (2 * how.output_offset + 1) * 2 ** (how.exponent - 1)
    rows = (start, how.multiplier, rounding, RESULT_SHIFT - how.exponent)
    first, second, third, fourth = (_words(_quads(row.astype(np.int64))) for row in rows)
    return first, second, third, fourth


def pack_matrix(
    columns: np.ndarray, bias: np.ndarray, input_offset: int, how: Requantisation
) -> np.ndarray:
    """Stream of `sotto_matrix_mve_params`.

    Args:
        columns: int64[channels, taps], the weights.
        bias: int32[channels].

    Returns:
        int32[quads * (16 + 16 * vectors)].
    """
    start, *ends = _constants(columns, bias, input_offset, how)
    return np.concatenate([start, _weights(columns), *ends], axis=1).reshape(-1)


def pack_depthwise(
    columns: np.ndarray, bias: np.ndarray, input_offset: int, how: Requantisation
) -> np.ndarray:
    """Stream of `sotto_depthwise_mve_params`.

    Args:
        columns: int64[channels, bytes of a window]: weights, zeros between the rows.
        bias: int32[channels].

    Returns:
        int32[quads * (16 + 16 * vectors)].
    """
    constants = _constants(columns, bias, input_offset, how)
    return np.concatenate([*constants, _weights(columns)], axis=1).reshape(-1)
