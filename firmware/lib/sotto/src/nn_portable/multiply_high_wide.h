/* For cores that multiply to 64 bits. */
#ifndef SOTTO_NN_PORTABLE_MULTIPLY_HIGH_WIDE_H
#define SOTTO_NN_PORTABLE_MULTIPLY_HIGH_WIDE_H

#include <stdint.h>

static inline int32_t portable_multiply_high(int32_t value, int32_t multiplier) {
  return (int32_t)(((int64_t)value * multiplier + (INT64_C(1) << 30)) >> 31);
}

#endif
