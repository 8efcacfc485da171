"""Kernels that multiply by codes of four bits as they lie in flash: `sotto/nn_dsp.h` has them.

They take layers of a window or two, whose weights are used once: to unpack them first would take
longer than to multiply by them. Their weights are a step times whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from training.export.dsp.choose import VECTOR_CONSTANTS
from training.export.dsp.pack import GROUPS_OF_UNIT, PACKING_CONSTANT, UNSIGNED_OFFSET
from training.export.dsp.params import (
    VECTOR_CHANNELS,
    MatrixVectorDspParams,
    MatrixVectorExactDspParams,
)
from training.export.packed.layout import WORD_WEIGHTS, layout_of, take_apart, weights_of
from training.export.requantise_fit import SCALE
from training.export.weighted import wrap_int32

GRID_BITS = 4
"""Of a code."""
CODES = -8, 7
"""Least and greatest."""
CODE_SUM_LIMIT = 4_096
"""Magnitudes of a channel's codes add up to less: 4096 * 128 times as much is 2^31."""
BESIDE_WINDOW_BYTES = 32
"""Of scratch."""
IN_ORDER = [1, 0, 3, 2]
"""Where the weights of a word's inputs stand among those of `weights_of`."""


class _Grid(MatrixVectorDspParams):
    """What both kernels share."""

    @property
    def scratch_bytes(self) -> int:
        """SOTTO_MATRIX_VECTOR_GRID_DSP_SCRATCH_BYTES."""
        return BESIDE_WINDOW_BYTES + super().scratch_bytes


@dataclass(frozen=True)
class MatrixVectorGridDspParams(_Grid):
    """`sotto_matrix_vector_dsp_params` of a kernel for weights on a grid."""

    kernel: ClassVar[str] = "matrix_vector_grid_dsp"


@dataclass(frozen=True)
class MatrixVectorGridExactDspParams(_Grid):
    """The same for a kernel that rounds as the reference does, in any channel."""

    kernel: ClassVar[str] = "matrix_vector_grid_exact_dsp"


GRID_KERNELS = MatrixVectorGridDspParams, MatrixVectorGridExactDspParams


def grid_kernel(params: object) -> MatrixVectorDspParams | None:
    """The kernel that multiplies by codes, or None where the weights are on no grid."""
    if not isinstance(params, MatrixVectorDspParams):
        return None
    weights, biases, ends = _channels(params)
    step = max(int(np.gcd.reduce(weights, axis=None)), 1)
    codes = weights // step
    if codes.min() < CODES[0] or codes.max() > CODES[1]:
        return None
    if np.abs(codes).sum(axis=1).max() >= CODE_SUM_LIMIT:
        return None
    # The inputs are read signed, each for itself.
    biases = biases + SCALE * UNSIGNED_OFFSET * weights.sum(axis=1)
    biases -= PACKING_CONSTANT * weights[:, 1::2].sum(axis=1)
    stream = _stream(step, codes, np.stack([biases, ends]))
    if stream.nbytes >= params.stream.nbytes:
        return None
    exact = isinstance(params, MatrixVectorExactDspParams)
    groups = params.groups + -params.groups % GROUPS_OF_UNIT
    changed = {
        "groups": groups,
        "channel_words": groups // GROUPS_OF_UNIT + VECTOR_CONSTANTS,
        "stream": stream,
    }
    return (MatrixVectorGridExactDspParams if exact else MatrixVectorGridDspParams)(
        **{field.name: getattr(params, field.name) for field in fields(params)} | changed
    )


def _channels(params: MatrixVectorDspParams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights int64[channels, inputs], biases and ends int64[channels] of a stream."""
    layout = layout_of(params)
    assert layout is not None
    parts = take_apart(params.stream.reshape(-1), layout)
    weights = [
        np.moveaxis(weights_of(words, layout.lanes), 2, 1).reshape(-1, WORD_WEIGHTS * params.groups)
        for words in parts.words
    ]
    rows = np.concatenate(weights).astype(np.int64).reshape(-1, WORD_WEIGHTS)
    rows = rows[:, IN_ORDER].reshape(params.output_channels, -1)
    constants, pieces = parts.constants.astype(np.int64), []
    for section in layout.sections:
        own, constants = np.split(constants, [2 * section.blocks * section.channels])
        pieces.append(np.moveaxis(own.reshape(-1, 2, section.channels), 1, 0).reshape(2, -1))
    biases, ends = np.hstack(pieces)
    return rows, biases, ends


def _stream(step: int, codes: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """Stream of `sotto_matrix_vector_grid_dsp_s8`.

    Args:
        step: of the weights.
        codes: int64[channels, inputs].
        constants: int64[VECTOR_CONSTANTS, channels].

    Returns:
        int32[words].
    """
    channels, inputs = codes.shape
    more = -channels % VECTOR_CHANNELS
    filled = np.pad(codes, ((0, more), (0, -inputs % (WORD_WEIGHTS * GROUPS_OF_UNIT))))
    # [block, channel, group, lane, word of the group]: 1st and 3rd input, 2nd and 4th
    fours = filled.reshape(-1, VECTOR_CHANNELS, filled.shape[1] // WORD_WEIGHTS, 2, 2)
    signs = np.array([CODES[0]] * (VECTOR_CHANNELS - 1) + [0])
    places = GRID_BITS * np.arange(VECTOR_CHANNELS)
    nibbles = (np.moveaxis(fours, 1, -1) - signs & (1 << GRID_BITS) - 1) << places
    lanes = nibbles.sum(axis=-1)
    words = (lanes[:, :, 0] | lanes[:, :, 1] << 16).reshape(len(fours), -1)
    ends = np.pad(constants, ((0, 0), (0, more))).reshape(len(constants), -1, VECTOR_CHANNELS)
    blocks = np.hstack([words, np.moveaxis(ends, 1, 0).reshape(len(fours), -1)])
    return wrap_int32(np.append(step, blocks.reshape(-1)))
