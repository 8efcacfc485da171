"""Program -> program in which a call's output takes the place of an input that is read no more."""

from __future__ import annotations

from dataclasses import replace

from training.export.program import KernelCall, Program


def work_in_place(program: Program) -> Program:
    """Let calls write over an input that nothing reads later; a buffer then holds both tensors.

    Views and what holds them stay as they are, and so do states.
    """
    viewed = {program.holder(i) for i, b in enumerate(program.buffers) if b.view is not None}
    free = program.in_arena - viewed - frozenset(program.states)
    home = {i: i for i in range(len(program.buffers))}  # tensor -> buffer that holds it
    calls: list[KernelCall] = []
    for position, call in enumerate(program.calls):
        read_later = {home[b] for c in program.calls[position + 1 :] for b in c.inputs}
        inputs = tuple(home[b] for b in call.inputs)
        size = program.buffers[call.output].bytes
        over = [b for b in inputs if b in free - read_later and program.buffers[b].bytes >= size]
        in_place = None
        if call.params.writes_over_input and over and call.output in free:
            home[call.output] = over[0]
            in_place = call.output
        output = home[call.output]
        calls.append(replace(call, inputs=inputs, output=output, in_place=in_place))
    return replace(program, calls=tuple(calls))
