/* The same with the instructions of Armv7E-M: two of them where the layer is fitted. */
#ifndef SOTTO_NN_STEP_COLUMN_RESULT_ARMV7EM_H
#define SOTTO_NN_STEP_COLUMN_RESULT_ARMV7EM_H

#include "../nn_dsp/intrinsics.h"

static inline int32_t column_acc256(int32_t sum, const int32_t constants[2]) {
  return (int32_t)((uint32_t)sum * 256U + (uint32_t)constants[1]);
}

static inline int8_t column_fitted(int32_t sum, const int32_t constants[2]) {
  return (int8_t)dsp_requantise_fitted(column_acc256(sum, constants), constants[0]);
}

static inline int8_t column_exact(int32_t sum, const int32_t constants[2], int32_t rounding_base) {
  return (int8_t)dsp_requantise_packed(column_acc256(sum, constants), constants[0], rounding_base);
}

#endif
