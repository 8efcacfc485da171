"""Arithmetic between two tensors."""

from __future__ import annotations

from training.export.graph import Tensor
from training.export.lower_context import Context, Lowered
from training.export.operators.strides import STRIDED_DIMENSIONS, columns, dense_strides, merged
from training.export.program import (
    AddBroadcastParams,
    AddParams,
    BroadcastParams,
    MulBroadcastParams,
    MulParams,
    SubBroadcastParams,
    SubParams,
    SumParams,
)

ADD_FRACTION_BITS = 20
MUL_SHIFT_LIMIT = 14
"""A product of two offset bytes has 16 bits."""


def _repeated_strides(tensor: Tensor, shape: tuple[int, ...]) -> list[int]:
    """Strides of a tensor repeated to `shape`."""
    missing = len(shape) - len(tensor.shape)
    own = zip(tensor.shape, dense_strides(tensor.shape), strict=True)
    return [0] * missing + [0 if extent == 1 else stride for extent, stride in own]


def _broadcast(c: Context) -> BroadcastParams | None:
    """How the two inputs are repeated, or None where both have the shape of the output.

    Semantics: NumPy's broadcasting.
    """
    first, second = c.tensor(0), c.tensor(1)
    rank = max(len(first.shape), len(second.shape))
    padded = [(1,) * (rank - len(t.shape)) + t.shape for t in (first, second)]
    pairs = list(zip(*padded, strict=True))
    c.need(
        all(a == b or 1 in (a, b) for a, b in pairs),
        f"shapes {list(first.shape)} and {list(second.shape)} do not broadcast",
    )
    shape = tuple(max(pair) for pair in pairs)
    c.need(c.output.shape == shape, f"its output is {list(c.output.shape)}, not {list(shape)}")
    if first.elements == second.elements == c.output.elements:
        return None
    dimensions = merged(
        zip(shape, _repeated_strides(first, shape), _repeated_strides(second, shape), strict=True)
    )
    run, step1, step2 = dimensions.pop()
    c.need(
        len(dimensions) <= STRIDED_DIMENSIONS,
        f"it repeats along more than {STRIDED_DIMENSIONS} dimensions",
    )
    return BroadcastParams(
        c.output.elements // run,
        run,
        step1,
        step2,
        *columns(dimensions, 3, STRIDED_DIMENSIONS),
    )


def _sum_params(c: Context, kind: type[SumParams]) -> SumParams:
    """Both inputs rescaled to twice the greater scale with 20 fraction bits."""
    (scale1, zero1), (scale2, zero2) = map(c.quantization, (c.tensor(0), c.tensor(1)))
    output_scale, output_zero = c.quantization(c.output)
    twice = 2.0 * max(scale1, scale2)
    multiplier1, shift1 = c.multiplier(scale1 / twice, 0)
    multiplier2, shift2 = c.multiplier(scale2 / twice, 0)
    multiplier, shift = c.multiplier(twice / (2**ADD_FRACTION_BITS * output_scale), 0)
    low, high = c.clamp()
    return kind(
        elements=c.output.elements,
        input1_offset=-zero1,
        input2_offset=-zero2,
        output_offset=output_zero,
        input1_multiplier=multiplier1,
        input1_shift=shift1,
        input2_multiplier=multiplier2,
        input2_shift=shift2,
        output_multiplier=multiplier,
        output_shift=shift,
        activation_min=low,
        activation_max=high,
    )


def add(c: Context) -> list[Lowered]:
    """ADD."""
    shape, params = _broadcast(c), _sum_params(c, AddParams)
    return [Lowered(params if shape is None else AddBroadcastParams(params, shape), (0, 1))]


def sub(c: Context) -> list[Lowered]:
    """SUB."""
    shape, params = _broadcast(c), _sum_params(c, SubParams)
    return [Lowered(params if shape is None else SubBroadcastParams(params, shape), (0, 1))]


def mul(c: Context) -> list[Lowered]:
    """MUL."""
    shape = _broadcast(c)
    (scale1, zero1), (scale2, zero2) = map(c.quantization, (c.tensor(0), c.tensor(1)))
    output_scale, output_zero = c.quantization(c.output)
    multiplier, shift = c.multiplier(scale1 * scale2 / output_scale, MUL_SHIFT_LIMIT)
    low, high = c.clamp()
    params = MulParams(
        elements=c.output.elements,
        input1_offset=-zero1,
        input2_offset=-zero2,
        output_offset=output_zero,
        multiplier=multiplier,
        shift=shift,
        activation_min=low,
        activation_max=high,
    )
    return [Lowered(params if shape is None else MulBroadcastParams(params, shape), (0, 1))]
