/* What matrix_grid_armv7em.c computes, in C. */
#include "matrix_grid.h"

#ifndef __ARM_FEATURE_DSP
#include "intrinsics.h"

#define LAST_BITS_4 UINT32_C(0x000F000F)
#define LAST_BITS_8 UINT32_C(0x00FF00FF)
#define LAST_BITS_12 UINT32_C(0x0FFF0FFF)

/* The instructions wrap. */
static inline int32_t multiply_add(int32_t sum, uint32_t step, int32_t bias) {
  return (int32_t)((uint32_t)bias + (uint32_t)sum * step);
}

static inline int32_t less(int32_t sum, int32_t part) {
  return (int32_t)((uint32_t)sum - (uint32_t)part);
}

static const int32_t *accumulate(const matrix_vector *v, const int32_t *stream,
                                 int32_t acc[MATRIX_VECTOR_CHANNELS]) {
  int32_t sum[MATRIX_GRID_STARTS];
  const uint32_t *words = v->words;
  for (int i = 0; i < MATRIX_GRID_STARTS; ++i) sum[i] = (int32_t)*words++;
  for (; words != v->words_end; ++words) {
    const uint32_t codes = (uint32_t)*stream++;
    sum[0] = dsp_smlad(*words, codes & LAST_BITS_4, sum[0]);
    sum[1] = dsp_smlad(*words, codes & LAST_BITS_8, sum[1]);
    sum[2] = dsp_smlad(*words, codes & LAST_BITS_12, sum[2]);
    sum[3] = dsp_smlad(*words, codes, sum[3]);
  }
  acc[0] = multiply_add(sum[0], words[0], *stream++);
  acc[1] = multiply_add(less(sum[1], sum[0]), words[1], *stream++);
  acc[2] = multiply_add(less(sum[2], sum[1]), words[2], *stream++);
  acc[3] = multiply_add(less(sum[3], sum[2]) >> 4, words[3], *stream++);
  return stream;
}

void sotto_matrix_grid(const matrix_vector *vector) {
  int8_t *output = vector->output;
  for (const int32_t *stream = vector->stream; stream != vector->stream_end;) {
    int32_t acc[MATRIX_VECTOR_CHANNELS];
    stream = accumulate(vector, stream, acc);
    for (int c = 0; c < MATRIX_VECTOR_CHANNELS; ++c) {
      *output++ = (int8_t)dsp_requantise_fitted(acc[c], *stream++);
    }
  }
}

void sotto_matrix_grid_exact(const matrix_vector *vector) {
  int8_t *output = vector->output;
  for (const int32_t *stream = vector->stream; stream != vector->stream_end;) {
    int32_t acc[MATRIX_VECTOR_CHANNELS];
    stream = accumulate(vector, stream, acc);
    for (int c = 0; c < MATRIX_VECTOR_CHANNELS; ++c) {
      *output++ = (int8_t)dsp_requantise_packed(acc[c], *stream++, vector->rounding_base);
    }
  }
}
#endif
