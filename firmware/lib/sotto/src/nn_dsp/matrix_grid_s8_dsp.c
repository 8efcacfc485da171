/* Convolution and fully connected layer of a window or two, whose weights are codes of four bits.
 */
#include "matrix_grid.h"

#include "clamp.h"
#include "inline.h"
#include "intrinsics.h"
#include "matrix_window.h"
#include "sotto/nn_dsp.h"

#define LANES_OF_1 UINT32_C(0x00010001)
#define CODE_OF_0 UINT32_C(8)

typedef void grid_kernel(const matrix_vector *vector);

static inline uint32_t *widen_group(uint32_t *words, uint32_t bytes, int32_t *sum) {
  words[0] = dsp_sxtb16(bytes);
  words[1] = dsp_sxtb16_odd(bytes);
  *sum = dsp_smlad(words[1], LANES_OF_1, dsp_smlad(words[0], LANES_OF_1, *sum));
  return words + MATRIX_VECTOR_GROUP_WORDS;
}

/* What codes that are 8 too great add to the sums of 4, 8 and 12 bits; those of 16 bits have no
 * such code more. */
static void write_starts(uint32_t *starts, int32_t sum) {
  const uint32_t less = 0U - CODE_OF_0 * (uint32_t)sum;
  starts[0] = less;
  starts[1] = less * UINT32_C(0x11);
  starts[2] = less * UINT32_C(0x111);
  starts[3] = starts[2];
}

static void write_steps(uint32_t *steps, uint32_t step) {
  steps[0] = step << 8;
  steps[1] = step << 4;
  steps[2] = step;
  steps[3] = step;
}

/* The window between starts and steps; zeros in place of a last group that is missing. */
static void widen(const sotto_matrix_vector_dsp_params *p, const int8_t *input, uint32_t *scratch,
                  uint32_t *words_end) {
  int32_t sum = 0;
  uint32_t *words = scratch + MATRIX_GRID_STARTS;
  for (int32_t i = 0; i < p->runs; ++i) {
    words = widen_run(input + i * p->run_step_bytes, p->run_bytes, words, widen_group, &sum);
  }
  while (words != words_end) *words++ = 0;
  write_starts(scratch, sum);
  write_steps(words_end, (uint32_t)*p->stream);
}

DSP_INLINE void run(const sotto_matrix_vector_dsp_params *p, const int8_t *input, int8_t *output,
                    int8_t *scratch, grid_kernel *kernel) {
  uint32_t *const words = (uint32_t *)(void *)scratch;
  const int32_t odd = p->output_channels % MATRIX_VECTOR_CHANNELS;
  const int32_t even = p->output_channels - odd;
  const int32_t *const blocks = p->stream + 1;
  const int32_t *const even_end = blocks + even * p->channel_words;
  uint32_t *const words_end = words + MATRIX_GRID_STARTS + p->groups * MATRIX_VECTOR_GROUP_WORDS;
  matrix_vector vector = {
      .words = words,
      .words_end = words_end,
      .rounding_base = p->rounding_base,
  };
  int8_t *target = output;
  for (int32_t window = 0; window < p->windows; ++window, input += p->window_step_bytes) {
    widen(p, input, words, words_end);
    /* From here on the window is not needed. */
    if (even > 0) {
      vector.output = target;
      vector.stream = blocks;
      vector.stream_end = even_end;
      kernel(&vector);
    }
    target += even;
    if (odd > 0) {
      int8_t last[MATRIX_VECTOR_CHANNELS];
      vector.output = last;
      vector.stream = even_end;
      vector.stream_end = even_end + MATRIX_VECTOR_CHANNELS * p->channel_words;
      kernel(&vector);
      for (int32_t i = 0; i < odd; ++i) *target++ = last[i];
    }
  }
  sotto_dsp_clamp(output, (int32_t)(target - output), p->activation_min, p->activation_max);
}

void sotto_matrix_vector_grid_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                     const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_grid);
}

void sotto_matrix_vector_grid_exact_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                           const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_grid_exact);
}
