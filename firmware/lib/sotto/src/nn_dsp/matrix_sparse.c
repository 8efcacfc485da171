#include "matrix_sparse.h"

#include "inline.h"
#include "intrinsics.h"

#define PLACES_A_WORD 4

/* A channel of the stream. */
typedef struct sparse_channel {
  int32_t bias;
  int32_t groups;
  const int32_t *weights; /* a word a group */
  const uint8_t *places;  /* of each group among those of a window */
  const int32_t *ends;
} sparse_channel;

static inline sparse_channel read_channel(const int32_t *stream) {
  const int32_t groups = stream[1];
  const int32_t *const places = stream + 2 + groups;
  return (sparse_channel){
      .bias = stream[0],
      .groups = groups,
      .weights = stream + 2,
      .places = (const uint8_t *)places,
      .ends = places + (groups + PLACES_A_WORD - 1) / PLACES_A_WORD,
  };
}

/* 256 times the accumulators of three windows. */
static inline void multiply_three(const sparse_channel *channel, const uint32_t *words,
                                  int32_t acc[MATRIX_BLOCK_WINDOWS]) {
  int32_t a = channel->bias;
  int32_t b = a;
  int32_t c = a;
  const uint8_t *place = channel->places;
  const int32_t *const end = channel->weights + channel->groups;
  for (const int32_t *weights = channel->weights; weights != end; ++weights) {
    const uint32_t *const x = words + 2 * MATRIX_BLOCK_WINDOWS * *place++;
    const uint32_t first = (uint32_t)*weights;
    const uint32_t second = dsp_sxtb16(first);
    a = dsp_smlad(x[3], second, dsp_smlad(x[0], first, a));
    b = dsp_smlad(x[4], second, dsp_smlad(x[1], first, b));
    c = dsp_smlad(x[5], second, dsp_smlad(x[2], first, c));
  }
  acc[0] = a;
  acc[1] = b;
  acc[2] = c;
}

#ifndef __ARM_FEATURE_DSP /* what matrix_sparse_armv7em.c computes, in C */
void sotto_matrix_sparse_block(const matrix_block *block) {
  const int32_t *stream = block->stream;
  const int32_t stride = block->window_stride;
  int8_t *output = block->output;
  for (int32_t channels = *stream++; channels > 0; --channels, ++output) {
    const sparse_channel channel = read_channel(stream);
    int32_t acc[MATRIX_BLOCK_WINDOWS];
    multiply_three(&channel, block->words, acc);
    const int32_t factor = channel.ends[0];
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      output[w * stride] = (int8_t)dsp_requantise_fitted(acc[w], factor);
    }
    stream = channel.ends + 1;
  }
}
#endif

void sotto_matrix_sparse_block_exact(const matrix_block *block) {
  const int32_t *stream = block->stream;
  const int32_t stride = block->window_stride;
  int8_t *output = block->output;
  for (int32_t channels = *stream++; channels > 0; --channels, ++output) {
    const sparse_channel channel = read_channel(stream);
    int32_t acc[MATRIX_BLOCK_WINDOWS];
    multiply_three(&channel, block->words, acc);
    const int32_t exponent_less_1 = channel.ends[1];
    const int32_t rounding = block->rounding_base * (1 << exponent_less_1); /* < 255 * 2^21 */
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      output[w * stride] =
          (int8_t)dsp_requantise(acc[w], channel.ends[0], exponent_less_1, rounding);
    }
    stream = channel.ends + 2;
  }
}

static inline int32_t multiply_one(const sparse_channel *channel, const uint32_t *words) {
  int32_t acc = channel->bias;
  const uint8_t *place = channel->places;
  const int32_t *const end = channel->weights + channel->groups;
  for (const int32_t *weights = channel->weights; weights != end; ++weights) {
    const uint32_t *const x = words + MATRIX_VECTOR_GROUP_WORDS * *place++;
    const uint32_t first = (uint32_t)*weights;
    acc = dsp_smlad(x[1], dsp_sxtb16(first), dsp_smlad(x[0], first, acc));
  }
  return acc;
}

DSP_INLINE void multiply_vector(const matrix_vector *vector, int exact) {
  const int32_t *stream = vector->stream;
  int8_t *output = vector->output;
  for (int32_t channels = *stream++; channels > 0; --channels) {
    const sparse_channel channel = read_channel(stream);
    const int32_t acc = multiply_one(&channel, vector->words);
    *output++ = (int8_t)(exact ? dsp_requantise_packed(acc, channel.ends[0], vector->rounding_base)
                               : dsp_requantise_fitted(acc, channel.ends[0]));
    stream = channel.ends + 1;
  }
}

void sotto_matrix_sparse_vector(const matrix_vector *vector) {
  multiply_vector(vector, 0);
}

void sotto_matrix_sparse_vector_exact(const matrix_vector *vector) {
  multiply_vector(vector, 1);
}
