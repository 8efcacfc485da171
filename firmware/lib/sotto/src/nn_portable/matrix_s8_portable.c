/* Convolution and fully connected layer as a product of matrices, six windows at a time. */
#include <string.h>

#include "matrix_block.h"
#include "requantise.h"
#include "sotto/nn_portable.h"
#include "window.h"

#define LEAST_WINDOWS 3 /* fewer are faster one by one than as a block with windows to spare */

/* The next `count` windows, from `first` on, in one block. Its spare windows repeat the last one;
 * their results go to `spare` with all others. */
static void run_block(const sotto_matrix_portable_params *p, portable_matrix matrix,
                      const int8_t *input, int32_t first, int32_t count, uint32_t *words,
                      int8_t *spare) {
  const int32_t step_words = MATRIX_BLOCK_WINDOWS * WINDOW_WORDS;
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
    const int32_t index = first + (w < count ? w : count - 1);
    sotto_portable_window(p, input, index, spare, words + w * WINDOW_WORDS, step_words);
  }
  /* From here on neither these windows of the input nor their bytes in `spare` are needed. */
  int8_t *const target = matrix.output;
  if (count < MATRIX_BLOCK_WINDOWS) matrix.output = spare;
  sotto_portable_matrix_block(&matrix);
  if (count < MATRIX_BLOCK_WINDOWS) memcpy(target, spare, (size_t)(count * p->output_channels));
}

void sotto_matrix_portable_s8(const sotto_matrix_portable_params *params, const int8_t *input,
                              int8_t *output, int8_t *scratch) {
  const sotto_matrix_portable_params *p = params;
  const int32_t count = p->output_height * p->output_width;
  uint32_t *const words = (uint32_t *)(void *)scratch;
  int8_t *const spare = scratch + p->groups * 4 * WINDOW_WORDS * p->tile_windows;
  portable_matrix matrix = {
      .windows = words,
      .stream = p->stream,
      .output = output,
      .groups = p->groups,
      .channels = p->output_channels,
      .how = {p->fitted, p->rounding_base},
  };
  for (int32_t first = 0; first < count;) {
    const int32_t left = count - first;
    int32_t together = left < p->tile_windows ? left : p->tile_windows;
    if (together < LEAST_WINDOWS) {
      together = 1;
      sotto_portable_window(p, input, first, spare, words, WINDOW_WORDS);
      sotto_portable_matrix_window(&matrix);
    } else {
      run_block(p, matrix, input, first, together, words, spare);
    }
    first += together;
    matrix.output += together * p->output_channels;
  }
  portable_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
}
