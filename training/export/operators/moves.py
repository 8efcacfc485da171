"""A block of bytes from one dense tensor to another, as the cheapest kernel that moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.export.program import CopyParams, KernelParams, MoveParams

MOVE_DIMENSIONS = 5


@dataclass(frozen=True)
class Move:
    """Element (i, j, ...) of `extents` goes from input_start + i * input_strides[0] + ... bytes
    to the same sum of the output."""

    extents: tuple[int, ...]
    input_strides: tuple[int, ...]
    output_strides: tuple[int, ...]
    input_start: int = 0
    output_start: int = 0

    def merged(self) -> list[tuple[int, int, int]]:
        """Extent and strides without dimensions of 1, neighbours joined where one step suffices."""
        joined: list[tuple[int, int, int]] = []
        dimensions = zip(self.extents, self.input_strides, self.output_strides, strict=True)
        for extent, source, target in dimensions:
            if extent == 1:
                continue
            if joined and joined[-1][1:] == (extent * source, extent * target):
                extent *= joined.pop()[0]
            joined.append((extent, source, target))
        return joined

    def params(self) -> KernelParams | None:
        """The kernel's parameters, or None for more dimensions than it has."""
        joined = self.merged()
        run = joined.pop()[0] if joined and joined[-1][1:] == (1, 1) else 1
        if len(joined) <= 1:
            blocks, source, target = joined[0] if joined else (1, 0, 0)
            return CopyParams(blocks, run, self.input_start, source, self.output_start, target)
        if run > 1:
            joined.append((run, 1, 1))
        if len(joined) > MOVE_DIMENSIONS:
            return None
        padded = [(1, 0, 0)] * (MOVE_DIMENSIONS - len(joined)) + joined
        extents, sources, targets = np.array(padded, np.int32).T.copy()
        return MoveParams(self.input_start, self.output_start, extents, sources, targets)


def dense_strides(shape: tuple[int, ...], element_bytes: int = 1) -> tuple[int, ...]:
    """Bytes from an index of each dimension to the next."""
    strides = [element_bytes]
    for extent in shape[:0:-1]:
        strides.append(strides[-1] * extent)
    return tuple(reversed(strides[: len(shape)]))
