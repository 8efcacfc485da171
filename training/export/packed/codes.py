"""Weights as codes of few bits and codebooks, and back: the form of `sotto_unpack_params`.

A grid of few bits, clusters and powers of two are all the same here: few values. One codebook
serves the whole layer, or each channel has its own; what takes fewer bytes is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CODE_BITS = (2, 4)
"""The fewest first: a byte holds whole codes."""


@dataclass(frozen=True)
class Codes:
    """Weights in few bits.

    Attributes:
        bits: of a code.
        books: int8[codebooks, 2**bits]; one, or one a channel.
        codes: uint8[bytes], the first code in the lowest bits; in the order of the words, or
            channel by channel where each has a codebook.
    """

    bits: int
    books: np.ndarray
    codes: np.ndarray

    @property
    def bytes(self) -> int:
        """In flash."""
        return int(self.books.nbytes + self.codes.nbytes)


def code_weights(weights: list[np.ndarray], by_channel: bool) -> Codes | None:
    """The smallest form that holds the weights exactly, or None where no form does.

    Args:
        weights: of each section int8[blocks, words, channels, 4].
        by_channel: whether the channels may have codebooks of their own.
    """
    found = [_coded(weights, own) for own in ((False, True) if by_channel else (False,))]
    coded = [one for one in found if one is not None]
    return min(coded, key=lambda one: one.bytes) if coded else None


def _coded(weights: list[np.ndarray], own: bool) -> Codes | None:
    """With one codebook, or with one for each channel."""
    rows = [np.moveaxis(one, 2, 1) for one in weights]  # [blocks, channels, words, 4]
    groups = [row.reshape(-1) for one in rows for row in one.reshape(-1, *one.shape[2:])]
    if not own:
        groups = [np.concatenate([one.reshape(-1) for one in weights])]
    values = [np.unique(group) for group in groups]
    bits = next((bits for bits in CODE_BITS if max(map(len, values)) <= 1 << bits), None)
    if bits is None:
        return None
    books = np.stack([np.pad(one, (0, (1 << bits) - len(one)), "edge") for one in values])
    codes = [np.searchsorted(*pair) for pair in zip(values, groups, strict=True)]
    return Codes(bits, books, _bytes(np.concatenate(codes), bits))


def _bytes(codes: np.ndarray, bits: int) -> np.ndarray:
    """uint8[...] of codes, the first in the lowest bits."""
    shifts = np.arange(0, 8, bits)
    return (codes.reshape(-1, len(shifts)) << shifts).sum(axis=1).astype(np.uint8)


def codes_of_bytes(packed: np.ndarray, bits: int) -> np.ndarray:
    """int64[codes]: the inverse of how codes are packed."""
    shifts = np.arange(0, 8, bits)
    return ((packed.astype(np.int64)[:, np.newaxis] >> shifts) & ((1 << bits) - 1)).reshape(-1)
