"""Program -> program without calls whose results nobody reads, such as parts of a SPLIT."""

from __future__ import annotations

from dataclasses import replace

from training.export.program import KernelCall, Program


def drop_unread(program: Program) -> Program:
    """Drop calls that write neither an output, nor a state, nor what a later call reads."""
    needed = {*program.outputs, *program.states}
    kept: list[KernelCall] = []
    for call in reversed(program.calls):
        if call.output in needed:
            needed.update(call.inputs)
            kept.append(call)
    return replace(program, calls=tuple(reversed(kept)))
