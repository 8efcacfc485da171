"""A block of bytes from one dense tensor to another, as the cheapest kernel that moves it."""

from __future__ import annotations

from dataclasses import dataclass

from training.export.moving_params import CopyParams, MoveParams
from training.export.operators.strides import columns, merged
from training.export.program import KernelParams

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

    def params(self) -> KernelParams | None:
        """The kernel's parameters, or None for more dimensions than it has."""
        joined = merged(zip(self.extents, self.input_strides, self.output_strides, strict=True))
        run = joined.pop()[0] if joined and joined[-1][1:] == (1, 1) else 1
        if len(joined) <= 1:
            blocks, source, target = joined[0] if joined else (1, 0, 0)
            return CopyParams(blocks, run, self.input_start, source, self.output_start, target)
        if run > 1:
            joined.append((run, 1, 1))
        if len(joined) > MOVE_DIMENSIONS:
            return None
        extents, sources, targets = columns(joined, 3, MOVE_DIMENSIONS)
        return MoveParams(self.input_start, self.output_start, extents, sources, targets)
