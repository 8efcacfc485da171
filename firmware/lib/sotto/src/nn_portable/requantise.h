/* Accumulator to stored result, as sotto/nn_portable.h says. */
#ifndef SOTTO_NN_PORTABLE_REQUANTISE_H
#define SOTTO_NN_PORTABLE_REQUANTISE_H

#include <stdint.h>

#include "multiply_high.h"

#define REQUANTISATION_CONSTANTS 2 /* of a channel */
#define FIT_SCALE 256
#define FIT_FRACTION_BITS 10 /* of the high word */
#define EXPONENT_BITS 5      /* below the bias */
#define EXPONENT_MASK 31

/* How a layer requantises. */
typedef struct portable_requantisation {
  int32_t fitted;
  int32_t rounding_base; /* 2 * zero point + 1 */
} portable_requantisation;

static inline int8_t portable_saturate(int32_t value) {
  const int32_t floored = value < INT8_MIN ? INT8_MIN : value;
  return (int8_t)(floored > INT8_MAX ? INT8_MAX : floored);
}

/* `offset`: beta, and 256 times the bias, modulo 2^32. */
static inline int8_t portable_fitted(int32_t sum, int32_t factor, int32_t offset) {
  const uint32_t scaled = (uint32_t)sum * FIT_SCALE + (uint32_t)offset;
  return portable_saturate(portable_high_word((int32_t)scaled, factor) >> FIT_FRACTION_BITS);
}

/* Pre: |value| < 2^29, exponent_less_1 0..21. */
static inline int8_t portable_exact(int32_t value, int32_t multiplier, int32_t exponent_less_1,
                                    int32_t rounding_base) {
  /* |scaled| < 2^29 and |rounding| < 255 * 2^21. Ties go away from zero: one less for the negative.
   * The sign of the value will do: where only that is negative, 0 less one still rounds to 0. */
  const int32_t scaled = portable_multiply_high(value, multiplier);
  const int32_t rounding = rounding_base * (1 << exponent_less_1);
  return portable_saturate((scaled + (value >> 31) + rounding) >> (exponent_less_1 + 1));
}

/* A sum of products without bias; `constants` are those of the channel. */
static inline int8_t portable_requantise(const portable_requantisation *how, int32_t sum,
                                         const int32_t *constants) {
  if (how->fitted) return portable_fitted(sum, constants[0], constants[1]);
  return portable_exact(sum + (constants[1] >> EXPONENT_BITS), constants[0],
                        constants[1] & EXPONENT_MASK, how->rounding_base);
}

/* The same of `count` sums, whose results lie `step` bytes apart. */
static inline void portable_requantise_all(const portable_requantisation *how, const int32_t *sums,
                                           int32_t count, const int32_t *constants, int8_t *output,
                                           int32_t step) {
  const int32_t *const end = sums + count;
  const int32_t first = constants[0];
  const int32_t second = constants[1];
  if (how->fitted) {
    for (; sums != end; ++sums, output += step) *output = portable_fitted(*sums, first, second);
    return;
  }
  const int32_t bias = second >> EXPONENT_BITS;
  const int32_t exponent_less_1 = second & EXPONENT_MASK;
  const int32_t base = how->rounding_base;
  for (; sums != end; ++sums, output += step) {
    *output = portable_exact(*sums + bias, first, exponent_less_1, base);
  }
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
