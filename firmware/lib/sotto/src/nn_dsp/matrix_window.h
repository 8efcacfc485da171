/* What widens a window of the matrix-vector kernels. */
#ifndef SOTTO_NN_DSP_MATRIX_WINDOW_H
#define SOTTO_NN_DSP_MATRIX_WINDOW_H

#include "inline.h"
#include "intrinsics.h"
#include "matrix_vector.h"

/* Widens four bytes to the words that a kernel multiplies by, and may add them to `sum`; returns
 * where the next words go. */
typedef uint32_t *group_widening(uint32_t *words, uint32_t bytes, int32_t *sum);

/* One run of bytes; behind it zeros that fill its last group. */
DSP_INLINE uint32_t *widen_run(const int8_t *run, int32_t count, uint32_t *words,
                               group_widening *widen, int32_t *sum) {
  for (; count >= MATRIX_VECTOR_GROUP_BYTES; count -= MATRIX_VECTOR_GROUP_BYTES) {
    words = widen(words, dsp_load(run), sum);
    run += MATRIX_VECTOR_GROUP_BYTES;
  }
  if (count == 0) return words;
  uint32_t bytes = 0;
  while (count-- > 0) bytes = bytes << 8 | (uint8_t)run[count];
  return widen(words, bytes, sum);
}

#endif
