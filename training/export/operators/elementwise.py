"""Arithmetic between two tensors."""

from __future__ import annotations

from training.export.graph import Tensor
from training.export.lower_context import Context, Lowered
from training.export.program import AddParams, MulParams

ADD_FRACTION_BITS = 20
MUL_SHIFT_LIMIT = 14
"""A product of two offset bytes has 16 bits."""


def _pair(c: Context) -> tuple[Tensor, Tensor]:
    first, second = c.tensor(0), c.tensor(1)
    c.need(
        first.shape == second.shape,
        f"it broadcasts {list(first.shape)} and {list(second.shape)}, which is not supported",
    )
    c.writes(first.elements)
    return first, second


def add(c: Context) -> list[Lowered]:
    """ADD: both inputs rescaled to twice the greater scale with 20 fraction bits."""
    first, second = _pair(c)
    (scale1, zero1), (scale2, zero2) = c.quantization(first), c.quantization(second)
    output_scale, output_zero = c.quantization(c.output)
    twice = 2.0 * max(scale1, scale2)
    multiplier1, shift1 = c.multiplier(scale1 / twice, 0)
    multiplier2, shift2 = c.multiplier(scale2 / twice, 0)
    multiplier, shift = c.multiplier(twice / (2**ADD_FRACTION_BITS * output_scale), 0)
    low, high = c.clamp()
    params = AddParams(
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
    return [Lowered(params, (0, 1))]


def mul(c: Context) -> list[Lowered]:
    """MUL."""
    first, second = _pair(c)
    (scale1, zero1), (scale2, zero2) = c.quantization(first), c.quantization(second)
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
    return [Lowered(params, (0, 1))]
