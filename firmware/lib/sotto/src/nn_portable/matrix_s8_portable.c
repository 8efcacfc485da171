/* Convolution and fully connected layer as a product of matrices, six windows at a time. */
#include <string.h>

#include "matrix_block.h"
#include "requantise.h"
#include "sotto/nn_portable.h"
#include "window_words.h"

#define LEAST_WINDOWS 3 /* fewer are faster one by one than as a block with others once more */

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

#define BLOCK_WORDS (MATRIX_BLOCK_WINDOWS * WINDOW_WORDS) /* of a group */

/* Makes the last windows of a block its first ones, so that `count` follow. Half of them or more
 * follow: what moves does not overlap. */
static void keep_last(uint32_t *words, int32_t groups, int32_t count) {
  const size_t bytes = sizeof *words * WINDOW_WORDS * (size_t)(MATRIX_BLOCK_WINDOWS - count);
  for (; groups > 0; --groups, words += BLOCK_WORDS) {
    memcpy(words, words + count * WINDOW_WORDS, bytes);
  }
}

/* The next `count` windows, behind the last ones of the block before: those results are written
 * once more. */
static void run_block(const sotto_matrix_portable_params *p, portable_matrix matrix, cursor *next,
                      int32_t count, uint32_t *words, int8_t *patch) {
  const int32_t kept = MATRIX_BLOCK_WINDOWS - count;
  if (kept > 0) keep_last(words, p->groups, count);
  words += kept * WINDOW_WORDS;
  for (; count > 0; --count, words += WINDOW_WORDS) {
    sotto_portable_window(p, next->window, patch, words, BLOCK_WORDS);
    advance(p, next);
  }
  /* From here on these windows of the input are not needed. */
  matrix.output -= kept * p->output_channels;
  sotto_portable_matrix_block(&matrix);
}

void sotto_matrix_portable_s8(const sotto_matrix_portable_params *params, const int8_t *input,
                              int8_t *output, int8_t *scratch) {
  const sotto_matrix_portable_params *p = params;
  const int32_t count = p->output_height * p->output_width;
  uint32_t *const words = (uint32_t *)(void *)scratch;
  int8_t *const patch = scratch + p->groups * 4 * WINDOW_WORDS * p->tile_windows;
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
      sotto_portable_window(p, next.window, patch, words, WINDOW_WORDS);
      sotto_portable_matrix_window(&matrix);
      advance(p, &next);
    } else {
      run_block(p, matrix, &next, together, words, patch);
    }
    left -= together;
    matrix.output += together * p->output_channels;
  }
  portable_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
}
