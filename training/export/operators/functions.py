"""Functions of one stored value, most of them tables, and the softmax."""

from __future__ import annotations

import math

import numpy as np

from training.export import fixed_functions
from training.export.fixed_point import requantize
from training.export.graph import Quantization
from training.export.lower_context import BYTE_SHIFT_LIMIT, INT8_MAX, INT8_MIN, Context, Lowered
from training.export.program import LookupParams, SoftmaxParams

SOFTMAX_CLASSES_LIMIT = 511
"""Beyond, the kernel would have to shift by more than 31 bits."""
SOFTMAX_LEAST_STEP = 2.0**-26
"""Below it the reference kernels refuse to rescale the input."""
BYTE_TYPES = ("int8", "uint8")
PROBABILITY = Quantization((1.0 / 256.0,), (-128,))


def softmax(c: Context) -> list[Lowered]:
    """SOFTMAX over the last axis."""
    source = c.tensor(0)
    scale, _ = c.quantization(source)
    c.need(
        c.output.quantization == PROBABILITY,
        f"output quantisation is {c.output.quantization}, not scale 1/256 and zero point -128",
    )
    classes = source.shape[-1] if source.shape else 0
    c.need(1 <= classes <= SOFTMAX_CLASSES_LIMIT, f"it has {classes} classes")
    c.writes(source.elements)
    beta = c.options.beta
    c.need(SOFTMAX_LEAST_STEP < beta * scale < math.inf, f"its beta is {beta}, its scale {scale}")
    table = fixed_functions.softmax_exp_table(scale, beta)
    return [Lowered(SoftmaxParams(source.elements // classes, classes, table), (0,))]


def logistic(c: Context) -> list[Lowered]:
    """LOGISTIC."""
    c.need(
        c.output.quantization == PROBABILITY,
        f"output quantisation is {c.output.quantization}, not scale 1/256 and zero point -128",
    )
    c.writes(c.tensor(0).elements)
    table = fixed_functions.logistic_table(*c.quantization(c.tensor(0)))
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def _rescaled(c: Context, low: int, high: int) -> list[Lowered]:
    """A table of the requantised and clamped stored values."""
    c.writes(c.tensor(0).elements)
    (scale, zero), (output_scale, output_zero) = map(c.quantization, (c.tensor(0), c.output))
    multiplier, shift = c.multiplier(scale / output_scale, BYTE_SHIFT_LIMIT)
    values = [
        requantize(stored - zero, multiplier, shift) + output_zero
        for stored in range(INT8_MIN, INT8_MAX + 1)
    ]
    table = np.clip(np.array(values), low, high).astype(np.int8)
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def quantize(c: Context) -> list[Lowered]:
    """QUANTIZE between int8 and uint8: a table from byte to byte."""
    source = c.tensor(0)
    c.writes(source.elements)
    scale, zero = c.quantization(source, BYTE_TYPES)
    output_scale, output_zero = c.quantization(c.output, BYTE_TYPES)
    multiplier, shift = c.multiplier(scale / output_scale, BYTE_SHIFT_LIMIT)
    stored = np.arange(INT8_MIN, INT8_MAX + 1).astype(np.int8).view(source.dtype)
    values = [requantize(int(v) - zero, multiplier, shift) + output_zero for v in stored]
    limits = np.iinfo(c.output.dtype)
    table = np.clip(np.array(values), limits.min, limits.max).astype(c.output.dtype)
    return [Lowered(LookupParams(c.output.elements, table.view(np.int8)), (0,))]


def relu(c: Context) -> list[Lowered]:
    """RELU and RELU6 that could not be fused."""
    if c.operator.name != "RELU":
        # LiteRT rescales between different quantisations, TFLite-Micro does not.
        c.same_quantization(c.tensor(0))
    return _rescaled(c, *c.bounds(c.operator.name))
