/* The functions of bytes_armv81m.h in C, for machines without vectors. */
#ifndef SOTTO_NN_MVE_BYTES_MODEL_H
#define SOTTO_NN_MVE_BYTES_MODEL_H

#include <stdint.h>

static inline void mve_copy(int8_t *target, const int8_t *source, int32_t count) {
  for (int32_t i = 0; i < count; ++i) target[i] = source[i];
}

static inline void mve_fill(int8_t *target, int32_t value, int32_t count) {
  for (int32_t i = 0; i < count; ++i) target[i] = (int8_t)value;
}

static inline void mve_clamp(int8_t *values, int32_t count, int32_t low, int32_t high) {
  for (int32_t i = 0; i < count; ++i) {
    const int32_t floored = values[i] < low ? low : values[i];
    values[i] = (int8_t)(floored > high ? high : floored);
  }
}

static inline void mve_unpack(int8_t *planes, int32_t plane_bytes, const int8_t *source,
                              int32_t source_step, int32_t count, int32_t lanes) {
  for (int32_t i = 0; i < count; ++i) {
    for (int32_t c = 0; c < lanes; ++c) planes[c * plane_bytes + i] = source[i * source_step + c];
  }
}

#endif
