/* Integer arithmetic that all kernels share. The exporter's twin is training/export/fixed_point.py.
 */
#ifndef SOTTO_NN_FIXED_POINT_H
#define SOTTO_NN_FIXED_POINT_H

#include <stdint.h>

_Static_assert((-3 >> 1) == -2, "right shifts of negative numbers must be arithmetic");

/* a * b / 2^31, ties up. Pre: not both -2^31, so the result fits. */
static inline int32_t sotto_multiply_high(int32_t a, int32_t b) {
  /* |a * b| < 2^62, adding 2^30 cannot overflow; after the shift |result| <= 2^31 - 1. */
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* value / 2^exponent, ties away from zero. Pre: 0 <= exponent <= 31. */
static inline int32_t sotto_divide_by_power_of_two(int32_t value, int32_t exponent) {
  const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1U);
  const int32_t remainder = value & mask; /* 0 .. 2^exponent - 1 */
  const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> exponent) + (remainder > threshold ? 1 : 0);
}

/* value * multiplier * 2^(shift - 31), rounded twice: first the product, then the right shift.
 * Pre: |value| * 2^max(shift, 0) < 2^31, 0 <= multiplier < 2^31, -31 <= shift <= 30, so that
 * |result| <= |value| * 2^max(shift, 0). */
static inline int32_t sotto_requantise(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = shift > 0 ? 0 : -shift;
  return sotto_divide_by_power_of_two(sotto_multiply_high(value * (1 << left), multiplier), right);
}

static inline int32_t sotto_clamp(int32_t value, int32_t low, int32_t high) {
  const int32_t floored = value < low ? low : value;
  return floored > high ? high : floored;
}

#endif
