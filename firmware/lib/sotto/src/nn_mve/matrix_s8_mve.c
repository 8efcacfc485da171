/* Convolution and fully connected layer as a product of matrices, two windows at a time,
 * the last of an odd number by itself. */
#include "bytes.h"
#include "matrix_block.h"
#include "matrix_window.h"
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

/* An output position on its way along the rows of the output. */
typedef struct cursor {
  int32_t y; /* input row of the first tap */
  int32_t x; /* its column */
  int32_t columns_left;
  inside rows; /* kernel rows inside of the image */
} cursor;

static void begin_row(const sotto_matrix_mve_params *p, cursor *at, int32_t y) {
  at->y = y;
  at->x = -p->pad_left;
  at->columns_left = p->output_width;
  at->rows = taps_inside(y, p->dilation_height, p->kernel_height, p->input_height);
}

static void next(const sotto_matrix_mve_params *p, cursor *at) {
  at->x += p->stride_width;
  if (--at->columns_left == 0) begin_row(p, at, at->y + p->stride_height);
}

/* Copies a window; padding where there is no image. Behind it nothing is written. Inlined it would
 * take the registers of the loop that runs without it. */
__attribute__((noinline)) static void copy_window(const sotto_matrix_mve_params *p,
                                                  const int8_t *input, const cursor *at,
                                                  int8_t *target) {
  const int32_t channels = p->input_channels;
  const inside columns = taps_inside(at->x, p->dilation_width, p->kernel_width, p->input_width);
  const int32_t rows = at->rows.end - at->rows.first;
  const int32_t count = columns.end - columns.first;
  if (rows < p->kernel_height || count < p->kernel_width) {
    mve_fill(target, p->pad_value, p->kernel_height * p->kernel_width * channels);
  }
  const int32_t y = at->y + at->rows.first * p->dilation_height;
  const int32_t x = at->x + columns.first * p->dilation_width;
  const int32_t run = p->dilation_width == 1 ? count : 1;
  const rectangle size = {
      .rows = rows,
      .columns = run * channels,
      .source_step = p->dilation_height * p->input_width * channels,
      .target_step = p->kernel_width * channels,
  };
  const int8_t *source = input + (y * p->input_width + x) * channels;
  target += (at->rows.first * p->kernel_width + columns.first) * channels;
  for (int32_t k = 0; k < count; k += run) {
    mve_copy_rows(target, source, size);
    target += run * channels;
    source += p->dilation_width * channels;
  }
}

/* The channels that do not fill four: computed to `tile`, then copied. */
static void run_rest(const sotto_matrix_mve_params *p, const matrix_block *block, int32_t rest) {
  int8_t tile[MATRIX_BLOCK_WINDOWS][QUAD];
  matrix_block last = *block;
  last.stream +=
      block->quads * (QUAD_CONSTANT_WORDS + quad_weight_words(p->vectors, p->tail_bytes));
  last.quads = 1;
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) last.outputs[w] = tile[w];
  sotto_matrix_block_mve(&last);
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
    mve_copy(block->outputs[w] + block->quads * QUAD, tile[w], rest);
  }
}

/* The next window, to `target`. */
static inline void gather(const sotto_matrix_mve_params *p, int pixels, const int8_t **input,
                          cursor *at, int8_t *target) {
  if (pixels) {
    mve_copy(target, *input, p->input_channels);
    *input += p->input_channels;
  } else {
    copy_window(p, *input, at, target);
    next(p, at);
  }
}

void sotto_matrix_mve_s8(const sotto_matrix_mve_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch) {
  const sotto_matrix_mve_params *p = params;
  const int32_t count = p->output_height * p->output_width;
  const int32_t window_bytes = (p->vectors + (p->tail_bytes > 0)) * VECTOR_BYTES;
  const int32_t rest = p->output_channels % QUAD;
  const int pixels = p->kernel_height * p->kernel_width * p->stride_height * p->stride_width == 1;
  int8_t *const outputs = output;
  matrix_block block = {
      .windows = {scratch, scratch + window_bytes},
      .stream = p->stream,
      .vectors = p->vectors,
      .tail_bytes = p->tail_bytes,
      .quads = p->output_channels / QUAD,
      .ties_away = p->ties_away,
      .rounding_base = p->rounding_base,
  };
  if (p->tail_bytes > 0) { /* behind a tail are weights of the next channel, which meet zeros */
    mve_fill(scratch, 0, count > 1 ? MATRIX_BLOCK_WINDOWS * window_bytes : window_bytes);
  }
  cursor at;
  begin_row(p, &at, -p->pad_top);
  for (int32_t pair = 0; pair < count / MATRIX_BLOCK_WINDOWS; ++pair) {
    for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      gather(p, pixels, &input, &at, scratch + w * window_bytes);
      block.outputs[w] = output;
      output += p->output_channels;
    }
    if (block.quads > 0) sotto_matrix_block_mve(&block);
    if (rest > 0) run_rest(p, &block, rest);
  }
  if (count % MATRIX_BLOCK_WINDOWS != 0) {
    gather(p, pixels, &input, &at, scratch);
    const matrix_window last = {
        .window = scratch,
        .stream = p->stream,
        .output = output,
        .ties_away = p->ties_away,
        .vectors = p->vectors,
        .channels = p->output_channels,
        .rounding_base = p->rounding_base,
        .tail_bytes = p->tail_bytes,
    };
    sotto_matrix_window_mve(&last);
  }
  if (p->activation_min > INT8_MIN || p->activation_max < INT8_MAX) {
    mve_clamp(outputs, count * p->output_channels, p->activation_min, p->activation_max);
  }
}
