"""Exponential and logistic function in fixed point, as the reference kernels compute them.

Semantics: gemmlowp's published fixed-point functions (a Taylor series on [-1/4, 0), then a product
of tabulated powers; Newton-Raphson for the reciprocal). Evaluated at export into 256-entry tables.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from training.export.fixed_point import (
    INT16_MAX,
    INT32_MAX,
    MULTIPLIER_BITS,
    divide_by_power_of_two,
    multiply_high,
    quantize_multiplier,
    requantize,
)

SOFTMAX_INTEGER_BITS = 5
SOFTMAX_LEAST_EXP = 2**11
"""Half a unit of the sum, which has 12 bits less."""
LOGISTIC_INTEGER_BITS = 4
TANH_INTEGER_BITS = 4
BYTE_VALUES = 256
EXP_MINUS_EIGHTH_Q31 = 1895147668
ONE_THIRD_Q31 = 715827883
EXP_POWERS_Q31 = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""(e, exp(-2**e))."""
RECIPROCAL_START_Q29 = 1515870810
RECIPROCAL_SLOPE_Q29 = -1010580540
RECIPROCAL_STEPS = 3


def _saturate(value: int) -> int:
    return max(-INT32_MAX - 1, min(INT32_MAX, value))


def _exp_above_minus_quarter(a_q31: int) -> int:
    """Exponential of a in [-1/4, 0), both Q31: Taylor series around -1/8."""
    x = a_q31 + (1 << 28)
    x2 = multiply_high(x, x)
    x3 = multiply_high(x2, x)
    x4 = multiply_high(x2, x2)
    cubic = multiply_high(divide_by_power_of_two(x4, 2) + x3, ONE_THIRD_Q31)
    series = x + divide_by_power_of_two(cubic + x2, 1)
    return EXP_MINUS_EIGHTH_Q31 + multiply_high(EXP_MINUS_EIGHTH_Q31, series)


def exp_negative_q31(a: int, integer_bits: int) -> int:
    """Exponential in Q31 of a <= 0 given with `integer_bits` before the point (Q5.26, Q4.27)."""
    if a == 0:
        return INT32_MAX
    fraction_bits = MULTIPLIER_BITS - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder_of_quarter = (a & (quarter - 1)) - quarter
    result = _exp_above_minus_quarter(remainder_of_quarter << integer_bits)
    quarters = remainder_of_quarter - a
    for exponent, power_q31 in EXP_POWERS_Q31:
        if integer_bits > exponent and quarters & (1 << (fraction_bits + exponent)):
            result = multiply_high(result, power_q31)
    return result


def _reciprocal_of_half_one_plus_q29(x_q31: int) -> int:
    """2 / (1 + x) in Q29 for x in [0, 1] in Q31."""
    half = (x_q31 + INT32_MAX + 1) // 2
    estimate = RECIPROCAL_START_Q29 + multiply_high(half, RECIPROCAL_SLOPE_Q29)
    for _ in range(RECIPROCAL_STEPS):
        error = (1 << 29) - multiply_high(half, estimate)
        estimate += _saturate(multiply_high(estimate, error) * 4)
    return estimate


def reciprocal_of_one_plus_q31(x_q31: int) -> int:
    """1 / (1 + x) in Q31 for x in [0, 1] in Q31."""
    return _saturate(_reciprocal_of_half_one_plus_q29(x_q31) * 2)


def input_radius(integer_bits: int, left_shift: int) -> int:
    """Greatest magnitude of an input whose rescaled value keeps `integer_bits`."""
    greatest = ((1 << integer_bits) - 1) * (1 << (MULTIPLIER_BITS - integer_bits))
    return math.floor(greatest / 2.0**left_shift)


def softmax_exp_table(input_scale: float, beta: float) -> np.ndarray:
    """int32[1 .. 256] in Q31: entry i is exp(-beta * input_scale * i).

    It ends where the kernel cuts exponentials to zero, or where they are too small to count: one
    below SOFTMAX_LEAST_EXP adds nothing to the sum, and its share rounds to nothing.
    """
    real = min(beta * input_scale * 2 ** (MULTIPLIER_BITS - SOFTMAX_INTEGER_BITS), 2.0**31 - 1)
    multiplier, shift = quantize_multiplier(real)
    radius = input_radius(SOFTMAX_INTEGER_BITS, shift)
    scaled = (
        multiply_high(-distance << shift, multiplier)
        for distance in range(min(radius, BYTE_VALUES - 1) + 1)
    )
    values = (exp_negative_q31(value, SOFTMAX_INTEGER_BITS) for value in scaled)
    counting = itertools.takewhile(lambda value: value >= SOFTMAX_LEAST_EXP, values)
    return np.array(list(counting), np.int32)


def _logistic_q31(a_q27: int) -> int:
    if a_q27 == 0:
        return 1 << 30
    positive = reciprocal_of_one_plus_q31(exp_negative_q31(-abs(a_q27), LOGISTIC_INTEGER_BITS))
    return positive if a_q27 > 0 else INT32_MAX - positive


def _tanh_q31(a_q27: int) -> int:
    """(1 - exp(-2a)) / (1 + exp(-2a)), of which 2 / (1 + x) - 1 is another form."""
    if a_q27 == 0:
        return 0
    # Twice a number in Q4.27 is the same bits in Q5.26.
    exponential = exp_negative_q31(-abs(a_q27), TANH_INTEGER_BITS + 1)
    magnitude = _saturate((_reciprocal_of_half_one_plus_q29(exponential) - (1 << 29)) * 4)
    return magnitude if a_q27 > 0 else -magnitude


def _sigmoid_table(
    function_q31: Callable[[int], int], bits: int, input_scale: float, input_zero_point: int
) -> np.ndarray:
    """Values in Q`bits` of a function of a Q4.27 number, -2**31 and 2**31 beyond its range."""
    real = input_scale * 2 ** (MULTIPLIER_BITS - LOGISTIC_INTEGER_BITS)
    multiplier, shift = quantize_multiplier(real)
    radius = input_radius(LOGISTIC_INTEGER_BITS, shift)
    values = np.empty(BYTE_VALUES, np.int64)
    for index in range(BYTE_VALUES):
        value = index - 128 - input_zero_point
        if abs(value) >= radius:
            values[index] = -(2**31) if value < 0 else 2**31
        else:
            exact = function_q31(requantize(value, multiplier, shift))
            values[index] = divide_by_power_of_two(exact, MULTIPLIER_BITS - bits)
    return values


def logistic_table(input_scale: float, input_zero_point: int) -> np.ndarray:
    """int8[256], indexed by the stored input + 128; output scale 1/256, zero point -128."""
    shares = _sigmoid_table(_logistic_q31, 8, input_scale, input_zero_point)
    return np.clip(shares - 128, -128, 127).astype(np.int8)


def tanh_table(input_scale: float, input_zero_point: int) -> np.ndarray:
    """int8[256], indexed by the stored input + 128; output scale 1/128, zero point 0."""
    values = _sigmoid_table(_tanh_q31, 7, input_scale, input_zero_point)
    return np.clip(values, -128, 127).astype(np.int8)


def _to_int16(multiplier: int) -> int:
    """The multiplier of 16 bits nearest to one of 32."""
    return min((multiplier + (1 << 15)) >> 16, INT16_MAX)


def _multiply_high_16(a: int, b: int) -> int:
    """Round a * b / 2**15, half up; both int16."""
    return min((a * b + (1 << 14)) >> 15, INT16_MAX)


def _saturate_16(value: int) -> int:
    return max(-INT16_MAX - 1, min(INT16_MAX, value))


def hard_swish_table(
    input_scale: float, input_zero_point: int, output_scale: float, output_zero_point: int
) -> np.ndarray | None:
    """int8[256], indexed by the stored input + 128, of x * relu6(x + 3) / 6.

    Semantics: TensorFlow Lite's reference kernel in 16-bit arithmetic; scales are float32 there.

    Returns:
        None for scales so far apart that the reference refuses them.
    """
    fine_scale = np.float32(1 / 128) * np.float32(input_scale)
    output_factor, output_shift = quantize_multiplier(float(fine_scale / np.float32(output_scale)))
    gate_factor, gate_shift = quantize_multiplier(float(fine_scale / np.float32(3 / 2**15)))
    if output_shift > 0:
        return None
    output_factor, gate_factor = _to_int16(output_factor), _to_int16(gate_factor)
    table = np.empty(BYTE_VALUES, np.int8)
    for index in range(BYTE_VALUES):
        fine = (index - 128 - input_zero_point) * 128
        value = _multiply_high_16(fine, output_factor)
        gate = _saturate_16(fine << max(gate_shift - 1, 0))
        gate = _multiply_high_16(gate, gate_factor)
        if gate_shift > 0:
            gate = _saturate_16(gate * 2)
        else:
            gate = divide_by_power_of_two(gate, -gate_shift)
        gate = (gate + (1 << 15)) >> 1
        product = min(int(gate * value / 2**15), INT16_MAX)  # towards zero, and exact: 30 bits
        stored = divide_by_power_of_two(product, -output_shift) + output_zero_point
        table[index] = max(-128, min(127, stored))
    return table
