"""Runs a planned program over marks instead of values: is each byte still there when it is read?

Knows nothing of lifetimes, so that it finds their faults, too.
"""

from __future__ import annotations

import numpy as np

from training.export.plan import Plan
from training.export.program import KernelCall, Program

NOBODY = -1


class _Arena:
    """For each byte of the arena, the buffer whose content it holds."""

    def __init__(self, program: Program, plan: Plan) -> None:
        self.program, self.plan = program, plan
        self.owners = np.full(plan.arena_bytes, NOBODY, np.int32)

    def _bytes(self, buffer: int, start: int, size: int) -> np.ndarray | None:
        """Marks of some bytes of a buffer, or None where the arena does not hold it."""
        place = self.program.place(buffer)
        if place.buffer not in self.program.in_arena:
            return None
        first = self.plan.offsets[place.buffer] + place.start_byte + start
        found = self.owners[first : first + size]
        if len(found) < size:
            raise ValueError(f"buffer {buffer} ends beyond the arena")
        return found

    def write(self, buffer: int, part: tuple[int, int] | None = None) -> None:
        """Mark (first byte, bytes) of a buffer, or all of it, as its own."""
        start, size = part or (0, self.program.buffers[buffer].bytes)
        marks = self._bytes(buffer, start, size)
        if marks is not None:
            marks[:] = self.program.holder(buffer)

    def need(self, buffer: int, call: int, part: tuple[int, int] | None = None) -> None:
        """Raise ValueError unless the bytes hold what belongs there."""
        start, size = part or (0, self.program.buffers[buffer].bytes)
        marks = self._bytes(buffer, start, size)
        if marks is None:
            return
        wrong = np.flatnonzero(marks != self.program.holder(buffer))
        if wrong.size:
            raise ValueError(
                f"in call {call}, byte {wrong[0]} of buffer {buffer} belongs to {marks[wrong[0]]}"
            )

    def run(self, call: KernelCall, position: int) -> None:
        """Check what a call reads, before and after it writes, and what it wrote."""
        fetching = self.program.fetching
        read = list(call.inputs)
        if call.weights is not None:
            read.append(call.weights)
        if fetching is not None:
            block = fetching.before(position)
            if block is not None:
                self.write(block.buffer)
            read += {block.buffer for block, _ in fetching.of_call(position)}
        for buffer in read:
            self.need(buffer, position)
        if call.scratch is not None:
            self.write(call.scratch)
        self.write(call.output, call.params.written_part)
        for buffer in read:
            self.need(buffer, position)
        if call.scratch is not None:
            self.need(call.scratch, position)
        self.need(call.output, position, call.params.written_part)


def verify_program(program: Program, plan: Plan) -> None:
    """Check that nothing is read that was overwritten or never written, and that states stay.

    Raises:
        ValueError: the first byte that does not hold what a call, or the next inference, expects.
    """
    arena = _Arena(program, plan)
    kept = list(program.states)
    if program.fetching is not None:
        kept += program.fetching.kept
    for buffer in kept:
        arena.write(buffer)
    for position, call in enumerate(program.calls):
        arena.run(call, position)
    for buffer in kept:
        arena.need(buffer, len(program.calls))
