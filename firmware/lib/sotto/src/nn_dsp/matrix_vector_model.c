/* What matrix_vector_armv7em.c computes, in C. */
#include "matrix_vector.h"

#ifndef __ARM_FEATURE_DSP
#include "intrinsics.h"

static const int32_t *accumulate(const matrix_vector *v, const int32_t *stream,
                                 int32_t acc[MATRIX_VECTOR_CHANNELS]) {
  for (int c = 0; c < MATRIX_VECTOR_CHANNELS; ++c) acc[c] = *stream++;
  const uint32_t *words = v->words;
  for (; words != v->words_end; words += MATRIX_VECTOR_GROUP_WORDS) {
    for (int c = 0; c < MATRIX_VECTOR_CHANNELS; ++c) {
      const uint32_t weights = (uint32_t)*stream++;
      acc[c] = dsp_smlad(words[0], weights, acc[c]);
      acc[c] = dsp_smlad(words[1], dsp_sxtb16(weights), acc[c]);
    }
  }
  return stream;
}

void sotto_matrix_vector(const matrix_vector *vector) {
  int8_t *output = vector->output;
  for (const int32_t *stream = vector->stream; stream != vector->stream_end;) {
    int32_t acc[MATRIX_VECTOR_CHANNELS];
    stream = accumulate(vector, stream, acc);
    for (int c = 0; c < MATRIX_VECTOR_CHANNELS; ++c) {
      *output++ = (int8_t)dsp_requantise_fitted(acc[c], *stream++);
    }
  }
}

void sotto_matrix_vector_exact(const matrix_vector *vector) {
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
