"""Where constants and weights lie in the stream of a kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.export.dsp.pack import GROUPS_OF_UNIT, MATRIX_CHANNELS
from training.export.dsp.params import VECTOR_CHANNELS, MatrixDspParams, MatrixVectorDspParams
from training.export.mve.params import QUAD, VECTOR_BYTES, MatrixMveParams
from training.export.portable.params import MatrixPortableParams
from training.export.program import KernelParams
from training.export.weighted import wrap_int32

WORD_WEIGHTS = 4
PORTABLE_CONSTANTS = 2
"""Words behind the weights of a channel."""
MVE_ENDS = QUAD + 1
"""Multipliers, and a word of exponents."""


@dataclass(frozen=True)
class Section:
    """Blocks of one size.

    Attributes:
        blocks: how many.
        before: constants before the weights of a block, in words.
        channels: that take turns word by word; 1 where words do not belong to one channel.
        words: of weights, of a channel.
        after: constants behind the weights.
    """

    blocks: int
    before: int
    channels: int
    words: int
    after: int


@dataclass(frozen=True)
class Layout:
    """The stream of a kernel.

    Attributes:
        sections: one behind the other.
        lanes: whether a word is two lanes 256 * w0 + w1 of 16 bits, not four bytes.
        by_channel: whether a word holds weights of one channel.
        aside: whether constants below zero may stand before those behind the weights.
    """

    sections: tuple[Section, ...]
    lanes: bool = False
    by_channel: bool = True
    aside: bool = False


@dataclass(frozen=True)
class Parts:
    """A stream taken apart.

    Attributes:
        constants: int32[n], in their order.
        words: of each section int32[blocks, words, channels].
    """

    constants: np.ndarray
    words: tuple[np.ndarray, ...]


def layout_of(params: KernelParams) -> Layout | None:
    """The layout of a kernel's stream, or None for kernels that have none."""
    if isinstance(params, MatrixDspParams):
        blocks = -(-params.output_channels // MATRIX_CHANNELS)
        words = GROUPS_OF_UNIT * params.units
        ends = params.pair_words - MATRIX_CHANNELS * (words + 1)
        return Layout((Section(blocks, MATRIX_CHANNELS, MATRIX_CHANNELS, words, ends),), lanes=True)
    if isinstance(params, MatrixVectorDspParams):
        fours, ones = divmod(params.output_channels, VECTOR_CHANNELS)
        four, one = (
            Section(blocks, channels, channels, params.groups, channels)
            for blocks, channels in ((fours, VECTOR_CHANNELS), (ones, 1))
        )
        return Layout((four, one), lanes=True)
    if isinstance(params, MatrixPortableParams):
        channels = Section(params.output_channels, 0, 1, params.groups, PORTABLE_CONSTANTS)
        return Layout((channels,), aside=True)
    if isinstance(params, MatrixMveParams):
        quads = -(-params.output_channels // QUAD)
        words = VECTOR_BYTES * params.vectors + params.tail_bytes
        return Layout((Section(quads, QUAD, 1, words, MVE_ENDS),), by_channel=False)
    return None


def take_apart(stream: np.ndarray, layout: Layout) -> Parts:
    """Constants and words of weights of a stream.

    Args:
        stream: int32[words].
    """
    constants, words, at = [], [], 0
    for section in layout.sections:
        found = np.zeros((section.blocks, section.words * section.channels), np.int32)
        for block in range(section.blocks):
            constants.append(stream[at : at + section.before])
            at += section.before
            found[block] = stream[at : at + found.shape[1]]
            at += found.shape[1]
            end = at + section.after
            while layout.aside and stream[end - section.after] < 0:
                end += 1
            constants.append(stream[at:end])
            at = end
        words.append(found.reshape(section.blocks, section.words, section.channels))
    if at != stream.size:
        raise ValueError(f"{stream.size - at} words of the stream are left")
    return Parts(np.concatenate(constants).astype(np.int32), tuple(words))


def weights_of(words: np.ndarray, lanes: bool) -> np.ndarray:
    """int8[..., 4]: the values of each word in the order of its codes, the lowest byte first."""
    if not lanes:
        return np.ascontiguousarray(words, "<i4")[..., np.newaxis].view(np.int8)
    halves = np.ascontiguousarray(words, "<i4")[..., np.newaxis].view("<i2").astype(np.int64)
    first = ((halves & 0xFF) ^ 0x80) - 0x80
    pairs = np.stack([first, (halves - first) >> 8], axis=-1)
    return pairs.reshape(*words.shape, WORD_WEIGHTS).astype(np.int8)


def words_of(weights: np.ndarray, lanes: bool) -> np.ndarray:
    """The inverse of `weights_of`: int32[...]."""
    wide = weights.astype(np.int64)
    if lanes:
        halves = (wide[..., 0::2] + 256 * wide[..., 1::2]) & 0xFFFF
        return wrap_int32(halves[..., 0] | halves[..., 1] << 16)
    return wrap_int32(((wide & 0xFF) << (8 * np.arange(WORD_WEIGHTS))).sum(axis=-1))
