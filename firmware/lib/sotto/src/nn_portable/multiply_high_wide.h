/* For cores that multiply to 64 bits. */
#ifndef SOTTO_NN_PORTABLE_MULTIPLY_HIGH_WIDE_H
#define SOTTO_NN_PORTABLE_MULTIPLY_HIGH_WIDE_H

#include <stdint.h>

/* value * factor / 2^32, rounded down; factor >= 0. */
static inline int32_t portable_high_word(int32_t value, int32_t factor) {
  return (int32_t)(((int64_t)value * factor) >> 32);
}

/* value * multiplier / 2^31, ties up; |value| < 2^29, multiplier >= 0. */
static inline int32_t portable_multiply_high(int32_t value, int32_t multiplier) {
  return (int32_t)(((int64_t)value * multiplier + (INT64_C(1) << 30)) >> 31);
}

#endif
