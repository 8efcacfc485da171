/* Accumulator to stored result, with the rounding of fixed_point.h. */
#ifndef SOTTO_NN_PORTABLE_REQUANTISE_H
#define SOTTO_NN_PORTABLE_REQUANTISE_H

#include <stdint.h>

#include "multiply_high.h"

static inline int32_t portable_saturate(int32_t value) {
  const int32_t floored = value < INT8_MIN ? INT8_MIN : value;
  return floored > INT8_MAX ? INT8_MAX : floored;
}

/* value * multiplier * 2^(-31 - exponent) + zero point, rounded twice and saturated.
 * Pre: |value| < 2^29, exponent 1..22, rounding = (2 * zero point + 1) * 2^(exponent - 1). */
static inline int32_t portable_requantise(int32_t value, int32_t multiplier, int32_t exponent,
                                          int32_t rounding) {
  /* |scaled| < 2^29 and |rounding| < 2^29.4. Ties go away from zero: less one for the negative.
   * The sign of the value will do: where only that is negative, 0 less one still rounds to 0. */
  const int32_t scaled = portable_multiply_high(value, multiplier);
  return portable_saturate((scaled + (value >> 31) + rounding) >> exponent);
}

/* Activations that saturation alone does not give. */
static inline void portable_clamp(int8_t *values, int32_t count, int32_t low, int32_t high) {
  if (low <= INT8_MIN && high >= INT8_MAX) return;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t floored = values[i] < low ? low : values[i];
    values[i] = (int8_t)(floored > high ? high : floored);
  }
}

#endif
