/* For any core. `constants`: two of a channel, see sotto/nn_step.h. */
#ifndef SOTTO_NN_STEP_COLUMN_RESULT_GENERIC_H
#define SOTTO_NN_STEP_COLUMN_RESULT_GENERIC_H

#include "../nn_portable/requantise.h"

static inline int8_t column_fitted(int32_t sum, const int32_t constants[2]) {
  return portable_fitted(sum, constants[0], constants[1]);
}

static inline int8_t column_exact(int32_t sum, const int32_t constants[2], int32_t rounding_base) {
  const int32_t acc = sum + (constants[1] >> 8);
  return portable_exact(acc, constants[0], constants[1] & EXPONENT_MASK, rounding_base);
}

#endif
