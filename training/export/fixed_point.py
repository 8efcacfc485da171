"""TensorFlow Lite's integer arithmetic in exact Python, for what is computed at export.

Semantics: "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference" (Jacob et al., 2018) and the published behaviour of TensorFlow Lite's reference kernels.
The C side is `firmware/lib/sotto/src/nn/fixed_point.h`.
"""

from __future__ import annotations

import math

INT16_MAX = 2**15 - 1
INT32_MAX = 2**31 - 1
MULTIPLIER_BITS = 31


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Express `real` >= 0 as `multiplier * 2**(shift - 31)`.

    Returns:
        multiplier (0 or 2**30 .. 2**31 - 1) and shift (positive: to the left).
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**MULTIPLIER_BITS + 0.5)
    if multiplier == 2**MULTIPLIER_BITS:
        multiplier //= 2
        shift += 1
    return (0, 0) if shift < -MULTIPLIER_BITS else (multiplier, shift)


def multiply_high(a: int, b: int) -> int:
    """Round `a * b / 2**31`, half up; both int32. The only overflow, -2**31 squared, saturates."""
    return min((a * b + 2**30) >> 31, INT32_MAX)


def divide_by_power_of_two(value: int, exponent: int) -> int:
    """Round `value / 2**exponent`, half away from zero."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if value < 0 else 0)
    return (value >> exponent) + (1 if (value & mask) > threshold else 0)


def requantize(value: int, multiplier: int, shift: int) -> int:
    """Multiply by `multiplier * 2**(shift - 31)`, rounding twice as the reference kernels do."""
    return divide_by_power_of_two(multiply_high(value << max(shift, 0), multiplier), max(-shift, 0))


def round_half_away(value: float) -> int:
    """Nearest integer, ties away from zero, as C's `round`."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
