"""Kernels for weights of which whole groups of four are zero: `sotto/nn_dsp.h` has them.

A group is what a word of the stream holds: four neighbouring inputs of one output.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from training.export.dsp.params import (
    VECTOR_CHANNELS,
    MatrixDspParams,
    MatrixExactDspParams,
    MatrixVectorDspParams,
    MatrixVectorExactDspParams,
)
from training.export.packed.layout import WORD_WEIGHTS, layout_of, take_apart
from training.export.weighted import wrap_int32

MOST_SHARE = 0.4
"""Of the groups that are not zero: with more, leaving out the others takes longer than not."""
MOST_GROUPS = 256
"""Of a window: a byte says the place of a group."""


@dataclass(frozen=True)
class MatrixSparseDspParams(MatrixDspParams):
    """`sotto_matrix_dsp_params` of a kernel that leaves out groups of zeros."""

    kernel: ClassVar[str] = "matrix_sparse_dsp"


@dataclass(frozen=True)
class MatrixSparseExactDspParams(MatrixDspParams):
    """The same for a kernel that rounds as the reference does, in any channel."""

    kernel: ClassVar[str] = "matrix_sparse_exact_dsp"


@dataclass(frozen=True)
class MatrixVectorSparseDspParams(MatrixVectorDspParams):
    """`sotto_matrix_vector_dsp_params` of a kernel that leaves out groups of zeros."""

    kernel: ClassVar[str] = "matrix_vector_sparse_dsp"


@dataclass(frozen=True)
class MatrixVectorSparseExactDspParams(MatrixVectorDspParams):
    """The same for a kernel that rounds as the reference does, in any channel."""

    kernel: ClassVar[str] = "matrix_vector_sparse_exact_dsp"


Dense = MatrixDspParams | MatrixVectorDspParams


def sparse_kernel(params: object) -> Dense | None:
    """The kernel that leaves out groups of zeros, or None where it would not pay."""
    if not isinstance(params, Dense):
        return None
    layout = layout_of(params)
    assert layout is not None
    section, vector = layout.sections[0], isinstance(params, MatrixVectorDspParams)
    multiple = VECTOR_CHANNELS if vector else section.channels
    if params.output_channels % multiple or section.words > MOST_GROUPS:
        return None
    parts = take_apart(params.stream.reshape(-1), layout)
    words = np.moveaxis(parts.words[0], 2, 1).reshape(params.output_channels, -1)
    if np.count_nonzero(words) > MOST_SHARE * words.size:
        return None
    constants = parts.constants.reshape(section.blocks, -1, section.channels)
    by_channel = np.moveaxis(constants, 2, 1).reshape(params.output_channels, -1)
    stream = _stream(words.astype(np.int64), by_channel.astype(np.int64))
    return _sparse(params, stream)


def _stream(words: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """Stream of `sotto_matrix_sparse_dsp_s8`.

    Args:
        words: int64[channels, groups].
        constants: int64[channels, 1 + ends], the bias first.
    """
    pieces = [np.array([len(words)])]
    for row, (bias, *ends) in zip(words, constants, strict=True):
        places = np.flatnonzero(row)
        filled = np.pad(places, (0, -len(places) % WORD_WEIGHTS)).astype(np.uint8)
        pieces += [np.array([bias, len(places)]), row[places], filled.view("<i4"), np.array(ends)]
    return wrap_int32(np.concatenate(pieces).astype(np.int64))


def _sparse(params: Dense, stream: np.ndarray) -> Dense:
    """The parameters of the sparse kernel in the place of the dense one."""
    exact = isinstance(params, MatrixExactDspParams | MatrixVectorExactDspParams)
    kernel: type[Dense]
    if isinstance(params, MatrixVectorDspParams):
        kernel = MatrixVectorSparseExactDspParams if exact else MatrixVectorSparseDspParams
    else:
        kernel = MatrixSparseExactDspParams if exact else MatrixSparseDspParams
    return kernel(
        **{field.name: getattr(params, field.name) for field in fields(params)} | {"stream": stream}
    )
