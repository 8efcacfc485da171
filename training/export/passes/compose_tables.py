"""Program -> program in which a table of a table is one table."""

from __future__ import annotations

from dataclasses import replace

from training.export.program import INT8_STEPS_BELOW_ZERO, KernelCall, LookupParams, Program


def _only_reader(program: Program, position: int) -> int | None:
    """Position of the one call that reads what the call at `position` writes, or None."""
    buffer = program.calls[position].output
    touching = [i for i, call in enumerate(program.calls) if buffer in call.buffers]
    kept = {*program.outputs, *program.states}
    if len(touching) != 2 or touching[0] != position or buffer in kept:
        return None
    reader = touching[1]
    return reader if program.calls[reader].inputs == (buffer,) else None


def compose_tables(program: Program) -> Program:
    """Look values up once where one function follows another, such as QUANTIZE a LOGISTIC."""
    position = 0
    while position < len(program.calls):
        first = program.calls[position]
        reader = _only_reader(program, position)
        second = None if reader is None else program.calls[reader]
        if second is None or not isinstance(first.params, LookupParams):
            position += 1
            continue
        if not isinstance(second.params, LookupParams):
            position += 1
            continue
        inner, outer = first.params.table, second.params.table
        table = outer[inner.astype(int) + INT8_STEPS_BELOW_ZERO]
        both: KernelCall = replace(
            second,
            operator=f"{first.operator}, {second.operator}",
            params=replace(second.params, table=table),
            inputs=first.inputs,
        )
        calls = [both if call is second else call for call in program.calls if call is not first]
        program = replace(program, calls=tuple(calls))
    return program
