"""Functions of one stored value, most of them tables, and the softmax."""

from __future__ import annotations

import math

import numpy as np

from training.export import fixed_functions
from training.export.fixed_point import requantize
from training.export.graph import Quantization
from training.export.lower_context import BYTE_SHIFT_LIMIT, INT8_MAX, INT8_MIN, Context, Lowered
from training.export.program import (
    BUFFER_TYPES,
    LookupParams,
    NarrowParams,
    RescaleParams,
    SoftmaxParams,
    WidenParams,
)

SOFTMAX_CLASSES_LIMIT = 511
"""Beyond, the kernel would have to shift by more than 31 bits."""
SOFTMAX_LEAST_STEP = 2.0**-26
"""Below it the reference kernels refuse to rescale the input."""
SIGNED_UNIT = Quantization((1.0 / 128.0,), (0,))
INT16_SHIFT_LIMIT = 14
"""An offset value has 16 bits and a sign."""
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
    params = SoftmaxParams(source.elements // classes, classes, len(table), table)
    return [Lowered(params, (0,))]


def logistic(c: Context) -> list[Lowered]:
    """LOGISTIC."""
    c.need(
        c.output.quantization == PROBABILITY,
        f"output quantisation is {c.output.quantization}, not scale 1/256 and zero point -128",
    )
    c.writes(c.tensor(0).elements)
    table = fixed_functions.logistic_table(*c.quantization(c.tensor(0)))
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def tanh(c: Context) -> list[Lowered]:
    """TANH."""
    c.need(
        c.output.quantization == SIGNED_UNIT,
        f"output quantisation is {c.output.quantization}, not scale 1/128 and zero point 0",
    )
    c.writes(c.tensor(0).elements)
    table = fixed_functions.tanh_table(*c.quantization(c.tensor(0)))
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def hard_swish(c: Context) -> list[Lowered]:
    """HARD_SWISH."""
    c.writes(c.tensor(0).elements)
    scales = (*c.quantization(c.tensor(0)), *c.quantization(c.output))
    table = fixed_functions.hard_swish_table(*scales)
    if table is None:
        raise c.refuse(f"its scales {scales[0]:.4g} and {scales[2]:.4g} are too far apart")
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def _stored(multiplier: int, shift: int, values: np.ndarray, zero: int) -> np.ndarray:
    """Requantised values, each with the zero point of the output."""
    return np.array([requantize(int(v), multiplier, shift) + zero for v in values])


def _offsets(zero: int) -> np.ndarray:
    """All int8 values less the zero point of the input."""
    return np.arange(INT8_MIN, INT8_MAX + 1) - zero


def _ratio(scale: float, output_scale: float) -> float:
    """The reference divides as float32 here."""
    return float(np.float32(scale) / np.float32(output_scale))


def relu(c: Context) -> list[Lowered]:
    """RELU, RELU6 and RELU_N1_TO_1 that could not be fused."""
    if c.operator.name == "RELU6":
        # LiteRT rescales between different quantisations, TFLite-Micro does not.
        c.same_quantization(c.tensor(0))
    c.writes(c.tensor(0).elements)
    (scale, zero), (output_scale, output_zero) = map(c.quantization, (c.tensor(0), c.output))
    factor = c.multiplier(_ratio(scale, output_scale), BYTE_SHIFT_LIMIT)
    values = _stored(*factor, _offsets(zero), output_zero)
    table = np.clip(values, *c.bounds(c.operator.name)).astype(np.int8)
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def leaky_relu(c: Context) -> list[Lowered]:
    """LEAKY_RELU."""
    c.writes(c.tensor(0).elements)
    (scale, zero), (output_scale, output_zero) = map(c.quantization, (c.tensor(0), c.output))
    alpha = c.options.alpha
    c.need(0 <= alpha < math.inf, f"its slope is {alpha}")
    above = c.multiplier(_ratio(scale, output_scale), BYTE_SHIFT_LIMIT)
    falling = np.float32(scale) * np.float32(alpha)
    below = c.multiplier(_ratio(float(falling), output_scale), BYTE_SHIFT_LIMIT)
    offsets = _offsets(zero)
    values = np.where(
        offsets >= 0,
        _stored(*above, offsets, output_zero),
        _stored(*below, offsets, output_zero),
    )
    table = np.clip(values, INT8_MIN, INT8_MAX).astype(np.int8)
    return [Lowered(LookupParams(c.output.elements, table), (0,))]


def quantize(c: Context) -> list[Lowered]:
    """QUANTIZE between int8, uint8 and int16."""
    source, elements = c.tensor(0), c.output.elements
    c.writes(source.elements)
    scale, zero = c.quantization(source, BUFFER_TYPES)
    output_scale, output_zero = c.quantization(c.output, BUFFER_TYPES)
    limits = np.iinfo(c.output.dtype)
    if source.dtype == "int16":
        c.need(c.output.dtype != "uint8", "no reference defines int16 to uint8")
        multiplier, shift = c.multiplier(scale / output_scale, INT16_SHIFT_LIMIT)
        kind = RescaleParams if c.output.dtype == "int16" else NarrowParams
        params = kind(elements, -zero, output_zero, multiplier, shift)
        return [Lowered(params, (0,))]
    factor = c.multiplier(scale / output_scale, BYTE_SHIFT_LIMIT)
    stored = np.arange(INT8_MIN, INT8_MAX + 1).astype(np.int8).view(source.dtype)
    values = _stored(*factor, stored.astype(np.int64) - zero, output_zero)
    table = np.clip(values, limits.min, limits.max).astype(c.output.dtype)
    if c.output.dtype == "int16":
        return [Lowered(WidenParams(elements, table), (0,))]
    return [Lowered(LookupParams(elements, table.view(np.int8)), (0,))]
