"""What the choices of kernels for every kind of core share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from training.export.graph import Quantization
from training.export.program import AddParams, Buffer, KernelCall, Program

FREE_SCRATCH_BYTES = 4096
"""Scratch of this size is worth its speed even where the tensors are smaller."""
HALF = (2**30, 0)
"""Multiplier and shift of 1/2: what an addition scales its input of the greater scale by."""


@dataclass(frozen=True)
class OrderedAddition:
    """An addition whose first input is scaled by 1/2: see `order_addition`.

    Attributes:
        offsets: of the two inputs.
        multiplier: of the second input.
        shift: of the second input, to the left.
        inputs: buffers.
    """

    offsets: tuple[int, int]
    multiplier: int
    shift: int
    inputs: tuple[int, int]


def order_addition(params: AddParams, inputs: tuple[int, ...]) -> OrderedAddition | None:
    """The inputs with that of the greater scale first, or None where neither is scaled by 1/2."""
    p = params
    first = (p.input1_multiplier, p.input1_shift), p.input1_offset, inputs[0]
    second = (p.input2_multiplier, p.input2_shift), p.input2_offset, inputs[1]
    if first[0] != HALF:
        first, second = second, first
    if first[0] != HALF:
        return None
    offsets, buffers = (first[1], second[1]), (first[2], second[2])
    return OrderedAddition(offsets, *second[0], buffers)


def with_scratch(program: Program, chosen: Iterable[KernelCall]) -> Program:
    """`program` with the calls `chosen`, each with the scratch memory that its kernel needs."""
    buffers, calls = list(program.buffers), list[KernelCall]()
    for position, call in enumerate(chosen):
        size = call.params.scratch_bytes
        if size > 0:
            call = replace(call, scratch=len(buffers))
            buffers.append(Buffer(f"scratch of call {position}", (size,), Quantization((), ())))
        calls.append(call)
    return replace(program, buffers=tuple(buffers), calls=tuple(calls))
