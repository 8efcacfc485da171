"""Program -> program without the copies that a view replaces.

A copy of a whole tensor into a part of another (CONCATENATION, STREAM, ASSIGN_VARIABLE) goes when
the tensor can be that part from its first byte on: its layer writes there. A copy of a part into a
whole tensor (STRIDED_SLICE, SPLIT, READ_VARIABLE) goes when its readers can read the part itself.

Only states are written more than once in an inference, each other tensor by one operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from training.export.moving_params import CopyParams
from training.export.program import (
    VIEW_ALIGNMENT_BYTES,
    Buffer,
    KernelCall,
    Program,
    View,
)


@dataclass(frozen=True)
class _Span:
    """Bytes of one buffer's memory."""

    holder: int
    start: int
    end: int

    def meets(self, other: _Span) -> bool:
        """Whether both have a byte in common."""
        return self.holder == other.holder and self.start < other.end and other.start < self.end


def _span(program: Program, buffer: int, start: int = 0, size: int | None = None) -> _Span:
    """`size` bytes of `buffer` from `start` on, or all of it."""
    place = program.place(buffer)
    first = place.start_byte + start
    return _Span(
        place.buffer, first, first + (program.buffers[buffer].bytes if size is None else size)
    )


def _written(program: Program, call: KernelCall) -> _Span:
    """The memory that a call may change."""
    start, size = call.params.written_part or (0, program.buffers[call.output].bytes)
    return _span(program, call.output, start, size)


def _touched(program: Program, call: KernelCall) -> Iterator[_Span]:
    """All memory that a call reads or changes."""
    yield _written(program, call)
    for buffer in call.inputs:
        yield _span(program, buffer)


def _free(program: Program, buffer: int) -> bool:
    """Whether a buffer may lie anywhere: not the caller's, no state, no view."""
    return buffer in program.in_arena and program.buffers[buffer].initial is None


def _placed(program: Program, buffer: int, view: View, without: int) -> Program:
    """`program` with `buffer` within another, and without a call."""
    buffers: list[Buffer] = list(program.buffers)
    buffers[buffer] = replace(buffers[buffer], view=view)
    calls = program.calls[:without] + program.calls[without + 1 :]
    return replace(program, buffers=tuple(buffers), calls=calls)


def _write_in_place(program: Program, position: int, p: CopyParams) -> Program | None:
    """Let the source of the copy at `position` be the part of the target that it fills."""
    call = program.calls[position]
    source = call.inputs[0]
    whole = (p.input_start_byte, p.block_bytes) == (0, program.buffers[source].bytes)
    place = program.place(call.output)
    own, target = _span(program, source), _written(program, call)
    if not whole or not _free(program, source) or place.buffer == source:
        return None
    if target.start % VIEW_ALIGNMENT_BYTES or program.buffers[place.buffer].data is not None:
        return None
    touching = [i for i, c in enumerate(program.calls) if any(map(own.meets, _touched(program, c)))]
    before, after = program.calls[touching[0] : position], program.calls[position + 1 :]
    disturbed = any(target.meets(span) for c in before for span in _touched(program, c))
    read_until = touching[-1] - position
    changed = any(target.meets(_written(program, c)) for c in after[: max(read_until, 0)])
    if disturbed or changed:
        return None
    return _placed(program, source, View(call.output, p.output_start_byte), position)


def _read_in_place(program: Program, position: int, p: CopyParams) -> Program | None:
    """Let the target of the copy at `position` be the part of the source that it takes."""
    call = program.calls[position]
    source, target = call.inputs[0], call.output
    whole = (p.output_start_byte, p.block_bytes) == (0, program.buffers[target].bytes)
    part = _span(program, source, p.input_start_byte, p.block_bytes)
    if not whole or not _free(program, target) or part.holder == target:
        return None
    if part.start % VIEW_ALIGNMENT_BYTES:
        return None
    own = _span(program, target)
    touching = [i for i, c in enumerate(program.calls) if any(map(own.meets, _touched(program, c)))]
    between = program.calls[position + 1 : touching[-1] + 1]
    if any(part.meets(_written(program, c)) for c in between):
        return None
    return _placed(program, target, View(source, p.input_start_byte), position)


def share_memory(program: Program) -> Program:
    """Replace copies by views, one after the other, while one can be."""
    position = 0
    while position < len(program.calls):
        p = program.calls[position].params
        shared = None
        if isinstance(p, CopyParams) and p.blocks == 1:
            shared = _write_in_place(program, position, p) or _read_in_place(program, position, p)
        position += 0 if shared is not None else 1
        program = program if shared is None else shared
    return program
