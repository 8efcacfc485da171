/* Convolution and fully connected layer as a product of matrices, two windows at a time. */
#include "bytes.h"
#include "matrix_block.h"
#include "quad.h"
#include "sotto/nn_mve.h"

/* Of `taps` positions, `step` apart from `start` on: those from first to before end lie in an image
 * of `size`. */
typedef struct inside {
  int32_t first;
  int32_t end;
} inside;

static int32_t between(int32_t value, int32_t low, int32_t high) {
  const int32_t floored = value < low ? low : value;
  return floored > high ? high : floored;
}

static inside taps_inside(int32_t start, int32_t step, int32_t taps, int32_t size) {
  if (start >= 0 && start + (taps - 1) * step < size) return (inside){0, taps};
  const int32_t first = between((step - 1 - start) / step, 0, taps);
  return (inside){first, between((size - 1 - start + step) / step, first, taps)};
}

/* Copies the window whose first tap is input row `y`, column `x`; padding where there is no image.
 * Behind the window nothing is written: the weights there are 0. */
static void copy_window(const sotto_matrix_mve_params *p, const int8_t *input, int32_t y, int32_t x,
                        int8_t *target) {
  const int32_t channels = p->input_channels;
  const inside rows = taps_inside(y, p->dilation_height, p->kernel_height, p->input_height);
  const inside columns = taps_inside(x, p->dilation_width, p->kernel_width, p->input_width);
  if (rows.end - rows.first < p->kernel_height || columns.end - columns.first < p->kernel_width) {
    mve_fill(target, p->pad_value, p->vectors * VECTOR_BYTES);
  }
  const int32_t first_y = y + rows.first * p->dilation_height;
  const int32_t run = p->dilation_width == 1 ? columns.end - columns.first : 1;
  const rectangle size = {
      .rows = rows.end - rows.first,
      .columns = run * channels,
      .source_step = p->dilation_height * p->input_width * channels,
      .target_step = p->kernel_width * channels,
  };
  target += rows.first * size.target_step;
  for (int32_t k = columns.first; k < columns.end; k += run) {
    const int32_t column = x + k * p->dilation_width;
    mve_copy_rows(target + k * channels, input + (first_y * p->input_width + column) * channels,
                  size);
  }
}

/* Copies both windows from output position `index` on; a last one alone is there twice. */
static void copy_windows(const sotto_matrix_mve_params *p, const int8_t *input, int32_t index,
                         int8_t *windows) {
  const int32_t window_bytes = p->vectors * VECTOR_BYTES;
  const int32_t last = p->output_height * p->output_width - 1;
  const int32_t steps = p->kernel_height * p->kernel_width * p->stride_height * p->stride_width;
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w, windows += window_bytes) {
    const int32_t position = index + w < last ? index + w : last;
    if (steps == 1) {
      mve_copy(windows, input + position * p->input_channels, p->input_channels);
      continue;
    }
    const int32_t output_y = position / p->output_width;
    const int32_t output_x = position - output_y * p->output_width;
    copy_window(p, input, output_y * p->stride_height - p->pad_top,
                output_x * p->stride_width - p->pad_left, windows);
  }
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
  block.stream += quads * (QUAD_CONSTANT_WORDS + p->vectors * QUAD * (VECTOR_BYTES / 4));
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
  int8_t *const nowhere = scratch + MATRIX_BLOCK_WINDOWS * p->vectors * VECTOR_BYTES;
  for (int32_t index = 0; index < count; index += MATRIX_BLOCK_WINDOWS) {
    copy_windows(p, input, index, scratch);
    int8_t *const target = output + index * p->output_channels;
    const matrix_block block = {
        .windows = scratch,
        .stream = p->stream,
        .outputs = {target, index + 1 < count ? target + p->output_channels : nowhere},
        .vectors = p->vectors,
        .ties_away = p->ties_away,
        .rounding_base = p->rounding_base,
    };
    run_block(p, block);
  }
  if (p->activation_min > INT8_MIN || p->activation_max < INT8_MAX) {
    mve_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
  }
}
