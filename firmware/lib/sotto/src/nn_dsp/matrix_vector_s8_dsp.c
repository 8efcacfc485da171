/* Convolution and fully connected layer of a window or two, four channels at a time. */
#include "clamp.h"
#include "inline.h"
#include "intrinsics.h"
#include "matrix_sparse.h"
#include "matrix_vector.h"
#include "matrix_window.h"
#include "sotto/nn_dsp.h"

#define LANES_OF_128 UINT32_C(0x00800080)
#define SECOND_WORDS UINT32_C(0x007F007F) /* see matrix_block.h */

typedef void vector_kernel(const matrix_vector *vector);
typedef int32_t requantisation(int32_t acc256, int32_t factor, int32_t rounding_base);

static inline uint32_t *widen_group(uint32_t *words, uint32_t bytes, int32_t *sum) {
  (void)sum;
  words[0] = dsp_sxtab16(LANES_OF_128, bytes);
  words[1] = bytes ^ SECOND_WORDS;
  return words + MATRIX_VECTOR_GROUP_WORDS;
}

static uint32_t *widen_bytes(const int8_t *run, int32_t count, uint32_t *words) {
  int32_t no_sum = 0;
  return widen_run(run, count, words, widen_group, &no_sum);
}

static int32_t fitted(int32_t acc256, int32_t factor, int32_t rounding_base) {
  (void)rounding_base;
  return dsp_requantise_fitted(acc256, factor);
}

/* The last, fewer than four, channels, one by one. */
DSP_INLINE void run_odd_channels(const matrix_vector *vector, int32_t count,
                                 requantisation *requantise) {
  const int32_t *stream = vector->stream_end;
  for (int32_t i = 0; i < count; ++i) {
    int32_t acc = *stream++;
    for (const uint32_t *words = vector->words; words != vector->words_end; words += 2) {
      const uint32_t weights = (uint32_t)*stream++;
      acc = dsp_smlad(words[0], weights, acc);
      acc = dsp_smlad(words[1], dsp_sxtb16(weights), acc);
    }
    vector->output[i] = (int8_t)requantise(acc, *stream++, vector->rounding_base);
  }
}

DSP_INLINE void run(const sotto_matrix_vector_dsp_params *p, const int8_t *input, int8_t *output,
                    int8_t *scratch, vector_kernel *kernel, requantisation *requantise) {
  uint32_t *const words = (uint32_t *)(void *)scratch;
  const int32_t odd = p->output_channels % MATRIX_VECTOR_CHANNELS;
  const int32_t even = p->output_channels - odd;
  matrix_vector vector = {
      .words = words,
      .stream_end = p->stream + even * p->channel_words,
      .stream = p->stream,
      .words_end = words + p->groups * MATRIX_VECTOR_GROUP_WORDS,
      .rounding_base = p->rounding_base,
  };
  int8_t *target = output;
  for (int32_t window = 0; window < p->windows; ++window, input += p->window_step_bytes) {
    uint32_t *end = words;
    for (int32_t i = 0; i < p->runs; ++i) {
      end = widen_bytes(input + i * p->run_step_bytes, p->run_bytes, end);
    }
    /* From here on the window is not needed. */
    vector.output = target;
    if (even > 0) kernel(&vector);
    vector.output = target + even;
    if (odd > 0) run_odd_channels(&vector, odd, requantise);
    target += p->output_channels;
  }
  sotto_dsp_clamp(output, (int32_t)(target - output), p->activation_min, p->activation_max);
}

void sotto_matrix_vector_dsp_s8(const sotto_matrix_vector_dsp_params *params, const int8_t *input,
                                int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_vector, fitted);
}

void sotto_matrix_vector_exact_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                      const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_vector_exact, dsp_requantise_packed);
}

void sotto_matrix_vector_sparse_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                       const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_sparse_vector, fitted);
}

void sotto_matrix_vector_sparse_exact_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                             const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_sparse_vector_exact, dsp_requantise_packed);
}
