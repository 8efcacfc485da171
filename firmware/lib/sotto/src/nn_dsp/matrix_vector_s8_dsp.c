/* Convolution and fully connected layer of one window, four channels at a time. */
#include "clamp.h"
#include "inline.h"
#include "intrinsics.h"
#include "matrix_vector.h"
#include "sotto/nn_dsp.h"

#define SIGNS UINT32_C(0x80808080)        /* stored value -> stored value + 128 */
#define SECOND_WORDS UINT32_C(0x007F007F) /* see matrix_block.h */

typedef void vector_kernel(const matrix_vector *vector);

static inline uint32_t *widen_group(uint32_t *words, uint32_t bytes) {
  words[0] = dsp_uxtb16(bytes ^ SIGNS);
  words[1] = bytes ^ SECOND_WORDS;
  return words + MATRIX_VECTOR_GROUP_WORDS;
}

/* One run of bytes; behind it any that fill its last group. */
static uint32_t *widen_run(const int8_t *run, int32_t count, uint32_t *words) {
  for (; count >= MATRIX_VECTOR_GROUP_BYTES; count -= MATRIX_VECTOR_GROUP_BYTES) {
    words = widen_group(words, dsp_load(run));
    run += MATRIX_VECTOR_GROUP_BYTES;
  }
  if (count == 0) return words;
  uint32_t bytes = 0;
  while (count-- > 0) bytes = bytes << 8 | (uint8_t)run[count];
  return widen_group(words, bytes);
}

/* The last, fewer than four, channels, computed beside some of zeros. */
DSP_INLINE void run_odd_channels(matrix_vector vector, int32_t count, int32_t block_words,
                                 vector_kernel *kernel) {
  int8_t four[MATRIX_VECTOR_CHANNELS];
  int8_t *const output = vector.output;
  vector.stream = vector.stream_end;
  vector.stream_end += block_words;
  vector.output = four;
  kernel(&vector);
  for (int32_t i = 0; i < count; ++i) output[i] = four[i];
}

DSP_INLINE void run(const sotto_matrix_vector_dsp_params *p, const int8_t *input, int8_t *output,
                    int8_t *scratch, vector_kernel *kernel) {
  uint32_t *const words = (uint32_t *)(void *)scratch;
  uint32_t *end = words;
  for (int32_t i = 0; i < p->runs; ++i) {
    end = widen_run(input + i * p->run_step_bytes, p->run_bytes, end);
  }
  /* From here on the input is not needed. */
  const int32_t blocks = p->output_channels / MATRIX_VECTOR_CHANNELS;
  const int32_t odd = p->output_channels % MATRIX_VECTOR_CHANNELS;
  matrix_vector vector = {
      .words = words,
      .output = output,
      .stream_end = p->stream + blocks * p->block_words,
      .stream = p->stream,
      .words_end = words + p->units * MATRIX_VECTOR_UNIT_WORDS,
      .rounding_base = p->rounding_base,
  };
  if (blocks > 0) kernel(&vector);
  vector.output = output + blocks * MATRIX_VECTOR_CHANNELS;
  if (odd > 0) run_odd_channels(vector, odd, p->block_words, kernel);
  dsp_clamp(output, p->output_channels, p->activation_min, p->activation_max);
}

void sotto_matrix_vector_dsp_s8(const sotto_matrix_vector_dsp_params *params, const int8_t *input,
                                int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_vector);
}

void sotto_matrix_vector_exact_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                      const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_vector_exact);
}
