/* Convolution and fully connected layer as a product of matrices, six windows at a time. */
#include <string.h>

#include "matrix_block.h"
#include "requantise.h"
#include "sotto/nn_portable.h"
#include "window.h"

#define LEAST_WINDOWS 3 /* fewer are faster one by one than as a block with windows to spare */

/* Where the next window begins. */
typedef struct cursor {
  const int8_t *window;
  int32_t columns_left; /* in its output row */
} cursor;

static void advance(const sotto_matrix_portable_params *p, cursor *c) {
  c->window += p->column_step_bytes;
  if (--c->columns_left > 0) return;
  c->window += p->row_step_bytes - p->output_width * p->column_step_bytes;
  c->columns_left = p->output_width;
}

/* The next `count` windows in one block. Its spare windows repeat the last one; their results go to
 * `spare` with all others. */
static void run_block(const sotto_matrix_portable_params *p, portable_matrix matrix, cursor *next,
                      int32_t count, uint32_t *words, int8_t *spare) {
  const int8_t *window = next->window;
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w, words += WINDOW_WORDS) {
    if (w < count) {
      window = next->window;
      advance(p, next);
    }
    sotto_portable_window(p, window, spare, words, MATRIX_BLOCK_WINDOWS * WINDOW_WORDS);
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
  cursor next = {.window = input, .columns_left = p->output_width};
  portable_matrix matrix = {
      .windows = words,
      .stream = p->stream,
      .output = output,
      .groups = p->groups,
      .channels = p->output_channels,
      .how = {p->fitted, p->rounding_base},
  };
  for (int32_t left = count; left > 0;) {
    int32_t together = left < p->tile_windows ? left : p->tile_windows;
    if (together < LEAST_WINDOWS) {
      together = 1;
      sotto_portable_window(p, next.window, spare, words, WINDOW_WORDS);
      sotto_portable_matrix_window(&matrix);
      advance(p, &next);
    } else {
      run_block(p, matrix, &next, together, words, spare);
    }
    left -= together;
    matrix.output += together * p->output_channels;
  }
  portable_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
}
