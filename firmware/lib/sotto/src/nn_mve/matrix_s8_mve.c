/* Convolution and fully connected layer as a product of matrices, two windows at a time. */
#include "bytes.h"
#include "matrix_block.h"
#include "quad.h"
#include "sotto/nn_mve.h"

static int32_t between(int32_t value, int32_t low, int32_t high) {
  const int32_t floored = value < low ? low : value;
  return floored > high ? high : floored;
}

/* Copies the taps of one kernel row, from input row `y`, column `x` on. Returns the end. */
static int8_t *copy_row(const sotto_matrix_mve_params *p, const int8_t *input, int32_t y, int32_t x,
                        int8_t *target) {
  const int32_t channels = p->input_channels;
  const int32_t step = p->dilation_width;
  /* Taps from `first` to before `end` lie inside of the image. */
  const int32_t rows_end = y >= 0 && y < p->input_height ? p->kernel_width : 0;
  const int32_t first = between((step - 1 - x) / step, 0, rows_end);
  const int32_t end = between((p->input_width - 1 - x + step) / step, first, rows_end);
  const int8_t *source = input + (y * p->input_width + x + first * step) * channels;
  mve_fill(target, p->pad_value, first * channels);
  target += first * channels;
  const int32_t run = step == 1 ? end - first : 1;
  for (int32_t k = first; k < end; k += run) {
    mve_copy(target, source, run * channels);
    target += run * channels;
    source += step * channels;
  }
  mve_fill(target, p->pad_value, (p->kernel_width - end) * channels);
  return target + (p->kernel_width - end) * channels;
}

/* Copies the window of output position `index`, zeros behind it. */
static void copy_window(const sotto_matrix_mve_params *p, const int8_t *input, int32_t index,
                        int8_t *target) {
  int8_t *const window_end = target + p->vectors * VECTOR_BYTES;
  const int32_t output_y = index / p->output_width;
  const int32_t output_x = index - output_y * p->output_width;
  const int32_t y = output_y * p->stride_height - p->pad_top;
  const int32_t x = output_x * p->stride_width - p->pad_left;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    target = copy_row(p, input, y + ky * p->dilation_height, x, target);
  }
  mve_fill(target, 0, (int32_t)(window_end - target));
}

/* All output channels of two windows. Channels that do not fill four are computed to `tile`. */
static void run_block(const sotto_matrix_mve_params *p, matrix_block block) {
  const int32_t quads = p->output_channels / QUAD;
  const int32_t rest = p->output_channels % QUAD;
  block.quads = quads;
  if (quads > 0) sotto_matrix_block_mve(&block);
  if (rest == 0) return;
  int8_t tile[MATRIX_BLOCK_WINDOWS][QUAD];
  int8_t *const ends[MATRIX_BLOCK_WINDOWS] = {block.outputs[0] + quads * QUAD,
                                              block.outputs[1] + quads * QUAD};
  const int32_t words_of_quad = QUAD * (QUAD + p->vectors * (VECTOR_BYTES / 4));
  block.stream += quads * words_of_quad;
  block.outputs[0] = tile[0];
  block.outputs[1] = tile[1];
  block.quads = 1;
  sotto_matrix_block_mve(&block);
  mve_copy(ends[0], tile[0], rest);
  mve_copy(ends[1], tile[1], rest);
}

void sotto_matrix_mve_s8(const sotto_matrix_mve_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch) {
  const sotto_matrix_mve_params *p = params;
  const int32_t count = p->output_height * p->output_width;
  const int32_t window_bytes = p->vectors * VECTOR_BYTES;
  int8_t *const nowhere = scratch + MATRIX_BLOCK_WINDOWS * window_bytes;
  for (int32_t index = 0; index < count; index += MATRIX_BLOCK_WINDOWS) {
    const int alone = index + 1 == count; /* the last window: computed twice */
    copy_window(p, input, index, scratch);
    copy_window(p, input, alone ? index : index + 1, scratch + window_bytes);
    int8_t *const target = output + index * p->output_channels;
    const matrix_block block = {
        .windows = scratch,
        .stream = p->stream,
        .outputs = {target, alone ? nowhere : target + p->output_channels},
        .vectors = p->vectors,
        .ties_away = p->ties_away,
    };
    run_block(p, block);
  }
  if (p->activation_min > INT8_MIN || p->activation_max < INT8_MAX) {
    mve_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
  }
}
