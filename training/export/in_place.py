"""Program -> program in which a call's output takes the place of an input that is read no more."""

from __future__ import annotations

from dataclasses import replace

from training.export.program import KernelCall, Program


def work_in_place(program: Program) -> Program:
    """Let calls write over an input that nothing reads later; a buffer then holds both tensors."""
    kept = {*program.inputs, *program.outputs}
    kept |= {i for i, buffer in enumerate(program.buffers) if buffer.data is not None}
    holder = {i: i for i in range(len(program.buffers))}  # tensor -> buffer that holds it
    calls: list[KernelCall] = []
    for position, call in enumerate(program.calls):
        read_later = {holder[b] for c in program.calls[position + 1 :] for b in c.inputs}
        inputs = tuple(holder[b] for b in call.inputs)
        free = [b for b in inputs if b not in kept | read_later]
        if call.params.writes_over_input and free and call.output not in kept:
            holder[call.output] = free[0]
        calls.append(replace(call, inputs=inputs, output=holder[call.output]))
    return replace(program, calls=tuple(calls))
