"""Constants in the layouts of sotto/nn_mve.h."""

from __future__ import annotations

import numpy as np

from training.export.mve.params import QUAD, VECTOR_BYTES
from training.export.weighted import wrap_int32

Factors = tuple[np.ndarray, np.ndarray]
"""Multiplier and exponent of each channel, int64[channels]."""


def _quads(values: np.ndarray) -> np.ndarray:
    """[channels, ...] -> [quads, QUAD, ...], zeros behind the last channel."""
    quads = -(-len(values) // QUAD)
    padded = np.zeros((quads * QUAD, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded.reshape(quads, QUAD, *values.shape[1:])


def _bytes(values: np.ndarray) -> np.ndarray:
    """int8[quads, bytes], bytes a multiple of 4 -> the same as int32 words."""
    return np.ascontiguousarray(values, np.int8).view("<i4").astype(np.int32)


def _vectors(columns: np.ndarray) -> np.ndarray:
    """int64[channels, bytes] -> int32[quads, vectors * 16]: a vector of each channel in turn."""
    channels, taps = columns.shape
    vectors = -(-taps // VECTOR_BYTES)
    padded = np.zeros((channels, vectors * VECTOR_BYTES), np.int8)
    padded[:, :taps] = columns
    quads = _quads(padded).reshape(-1, QUAD, vectors, VECTOR_BYTES).transpose(0, 2, 1, 3)
    return _bytes(quads.reshape(len(quads), -1))


def whole_vectors(taps: int) -> int:
    """Vectors of a window of the matrix kernel, which takes one at least."""
    return max(taps // VECTOR_BYTES, 1)


def _start(columns: np.ndarray, bias: np.ndarray, input_offset: int) -> np.ndarray:
    """Bias with the input's zero point folded in: int32[quads, QUAD]."""
    return wrap_int32(_quads(bias.astype(np.int64) + input_offset * columns.sum(axis=1)))


def _ends(factors: Factors) -> list[np.ndarray]:
    """Multiplier and exponent - 1: int32[quads, QUAD] and [quads, 1]."""
    multiplier, exponent = factors
    return [wrap_int32(_quads(multiplier)), _bytes(_quads(exponent - 1))]


def pack_matrix(
    columns: np.ndarray, bias: np.ndarray, input_offset: int, factors: Factors
) -> np.ndarray:
    """Stream of `sotto_matrix_mve_params`.

    Args:
        columns: int64[channels, taps], the weights.
        bias: int32[channels].

    Returns:
        int32[quads * (9 + 16 * vectors + tail bytes)].
    """
    start = _start(columns, bias, input_offset)
    whole = VECTOR_BYTES * whole_vectors(columns.shape[1])
    tails = _quads(columns[:, whole:]).reshape(len(start), -1)
    weights = [_vectors(columns[:, :whole]), _bytes(tails)]
    return np.concatenate([start, *weights, *_ends(factors)], axis=1).reshape(-1)


def pack_depthwise(
    columns: np.ndarray,
    bias: np.ndarray,
    input_offset: int,
    factors: Factors,
    places: np.ndarray,
) -> np.ndarray:
    """Stream of `sotto_depthwise_mve_params`.

    Args:
        columns: int64[channels, taps], the weights.
        bias: int32[channels].
        places: of each tap among the bytes of a window.

    Returns:
        int32[quads * (9 + taps)], or with 16 * vectors where windows are longer than one vector.
    """
    window = np.zeros((len(columns), places.max() + 1), np.int64)
    window[:, places] = columns
    short = window.shape[1] <= VECTOR_BYTES
    weights = _bytes(_quads(columns).reshape(-1, QUAD * len(places))) if short else _vectors(window)
    start = _start(columns, bias, input_offset)
    return np.concatenate([start, *_ends(factors), weights], axis=1).reshape(-1)
