"""Canonical Huffman codes for constants, as `sotto/huffman.h` reads them.

Lengths come from Huffman's tree (1952), shortened to `MAX_BITS` by the rule of JPEG's annex K.3
(ITU-T T.81): a code that is too long gives its bit to one that is shorter. Bytes too rare to be
worth a place in the table stand behind an escape code.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_BITS = 12
"""Of a code; SOTTO_HUFFMAN_MAX_BITS."""
VALUES = 256
VALUE_BITS = 8


@dataclass(frozen=True)
class HuffmanCode:
    """A complete code over some bytes and the escape.

    Attributes:
        codes_of_length: uint16[MAX_BITS], how many codes have 1 bit, 2 bits, ...
        values: uint8[values], in the order of their codes.
        escape: place of the escape among all codes.
    """

    codes_of_length: np.ndarray
    values: np.ndarray
    escape: int

    @property
    def table_bytes(self) -> int:
        """Of both arrays in flash."""
        return self.codes_of_length.nbytes + self.values.nbytes

    def encode(self, data: bytes) -> np.ndarray:
        """uint8[n], the last byte filled with zeros."""
        lengths, numbers = self._codes()
        symbols = np.frombuffer(data, np.uint8)
        bits: list[str] = []
        for value in symbols.tolist():
            coded = value if lengths[value] else VALUES
            bits.append(format(numbers[coded], f"0{lengths[coded]}b"))
            if coded == VALUES:
                bits.append(format(value, f"0{VALUE_BITS}b"))
        text = "".join(bits)
        text += "0" * (-len(text) % VALUE_BITS)
        packed = int(text, 2).to_bytes(len(text) // VALUE_BITS, "big") if text else b""
        return np.frombuffer(packed, np.uint8)

    def _codes(self) -> tuple[list[int], list[int]]:
        """Length and number of each byte's code, then of the escape; a length of 0 where none."""
        order = self.values.tolist()
        order.insert(self.escape, VALUES)
        lengths, numbers = [0] * (VALUES + 1), [0] * (VALUES + 1)
        number = place = 0
        for length, count in enumerate(self.codes_of_length.tolist(), start=1):
            number <<= 1
            for symbol in order[place : place + count]:
                lengths[symbol], numbers[symbol] = length, number
                number += 1
            place += count
        return lengths, numbers


def fit_code(data: Sequence[bytes]) -> HuffmanCode:
    """The code that takes least for these bytes together, its table counted."""
    counts = np.bincount(np.frombuffer(b"".join(data), np.uint8), minlength=VALUES)
    common = sorted(np.flatnonzero(counts).tolist(), key=lambda value: (-counts[value], value))
    best: tuple[int, HuffmanCode] | None = None
    for kept in range(1, len(common) + 1):
        rare = int(sum(counts[value] for value in common[kept:]))
        # An escape that nobody needs has a code all the same: the decoder knows one kind of table.
        lengths = _lengths([*(int(counts[value]) for value in common[:kept]), max(rare, 1)])
        bits = sum(int(counts[v]) * n for v, n in zip(common[:kept], lengths, strict=False))
        bits += rare * (lengths[-1] + VALUE_BITS) + VALUE_BITS * kept
        if best is None or bits < best[0]:
            best = bits, _canonical(common[:kept], lengths)
    if best is None:
        raise ValueError("there are no bytes to find a code for")
    return best[1]


def _canonical(values: Sequence[int], lengths: Sequence[int]) -> HuffmanCode:
    """The code of values and, as the last length, of the escape."""
    order = sorted(zip(lengths, (*values, VALUES), strict=True))
    counts = np.bincount([length for length, _ in order], minlength=MAX_BITS + 1)
    symbols = [symbol for _, symbol in order]
    escape = symbols.index(VALUES)
    del symbols[escape]
    return HuffmanCode(counts[1:].astype(np.uint16), np.array(symbols, np.uint8), escape)


def _lengths(weights: Sequence[int]) -> list[int]:
    """Bits of the code of each of two or more symbols, none above MAX_BITS."""
    heap: list[tuple[int, int, tuple[int, ...]]] = [
        (weight, symbol, (symbol,)) for symbol, weight in enumerate(weights)
    ]
    heapq.heapify(heap)
    depth = [0] * len(weights)
    while len(heap) > 1:
        (light, first, some), (heavy, _, others) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in (together := some + others):
            depth[symbol] += 1
        heapq.heappush(heap, (light + heavy, first, together))
    shortened = _shortened(np.bincount(depth, minlength=MAX_BITS + 1).tolist())
    # The shortest codes go to the heaviest symbols.
    order = sorted(range(len(weights)), key=lambda symbol: (-weights[symbol], symbol))
    lengths = [0] * len(weights)
    places = iter(order)
    for length, count in enumerate(shortened):
        for _ in range(count):
            lengths[next(places)] = length
    return lengths


def _shortened(counts: list[int]) -> list[int]:
    """Codes of each length, from 0, with none above MAX_BITS."""
    for length in range(len(counts) - 1, MAX_BITS, -1):
        while counts[length] > 0:
            shorter = length - 2
            while counts[shorter] == 0:
                shorter -= 1
            counts[length] -= 2
            counts[length - 1] += 1
            counts[shorter + 1] += 2
            counts[shorter] -= 1
    return counts[: MAX_BITS + 1]
