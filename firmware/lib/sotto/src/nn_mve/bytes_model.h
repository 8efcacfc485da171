/* The functions of bytes_armv81m.h in C, for machines without vectors. */
#ifndef SOTTO_NN_MVE_BYTES_MODEL_H
#define SOTTO_NN_MVE_BYTES_MODEL_H

#include <stdint.h>

#include "rectangle.h"

static inline void mve_copy(int8_t *target, const int8_t *source, int32_t count) {
  for (int32_t i = 0; i < count; ++i) target[i] = source[i];
}

static inline void mve_copy_rows(int8_t *target, const int8_t *source, rectangle size) {
  for (int32_t row = 0; row < size.rows; ++row) {
    mve_copy(target + row * size.target_step, source + row * size.source_step, size.columns);
  }
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
                              int32_t pixel_bytes, int32_t channels, rectangle size) {
  for (int32_t row = 0; row < size.rows; ++row) {
    for (int32_t column = 0; column < size.columns; ++column) {
      const int8_t *const pixel = source + row * size.source_step + column * pixel_bytes;
      int8_t *const place = planes + row * size.target_step + column;
      for (int32_t c = 0; c < channels; ++c) place[c * plane_bytes] = pixel[c];
    }
  }
}

static inline void mve_sum(int32_t sums[4], const int8_t *source, int32_t step, int32_t count,
                           int32_t channels) {
  for (int32_t i = 0; i < count; ++i) {
    for (int32_t c = 0; c < channels; ++c) sums[c] += source[i * step + c];
  }
}

#endif
