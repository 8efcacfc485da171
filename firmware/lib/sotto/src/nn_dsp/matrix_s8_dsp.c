/* Convolution and fully connected layer as a product of matrices, three windows at a time. */
#include "clamp.h"
#include "inline.h"
#include "intrinsics.h"
#include "matrix_block.h"
#include "matrix_sparse.h"
#include "sotto/nn_dsp.h"

typedef void block_kernel(const matrix_block *block);

/* Not inline: flash, and the layers of most models copy little. */
__attribute__((noinline)) static int8_t *copy_bytes(int8_t *target, const int8_t *source,
                                                    int32_t count) {
  for (; count >= 4; count -= 4, target += 4, source += 4) dsp_store(target, dsp_load(source));
  for (; count > 0; --count) *target++ = *source++;
  return target;
}

/* A window's taps without gaps. */
static void copy_window(const sotto_matrix_dsp_params *p, const int8_t *window, int8_t *target) {
  for (int32_t row = 0; row < p->kernel_rows; ++row, window += p->kernel_row_step_bytes) {
    const int8_t *run = window;
    for (int32_t i = 0; i < p->row_runs; ++i, run += p->run_step_bytes) {
      target = copy_bytes(target, run, p->run_bytes);
    }
  }
}

/* Where the next window starts. */
typedef struct cursor {
  const int8_t *window;
  const int8_t *row; /* first window of the output row */
  int32_t x;
  int32_t left; /* windows from this one on */
} cursor;

/* The next window; behind the last one that one again. */
static inline const int8_t *next_window(const sotto_matrix_dsp_params *p, cursor *at) {
  const int8_t *const window = at->window;
  if (--at->left <= 0) return window;
  at->window += p->column_step_bytes;
  if (++at->x == p->output_width) {
    at->x = 0;
    at->row += p->row_step_bytes;
    at->window = at->row;
  }
  return window;
}

/* How a layer's windows are read: in place, or as one run of a copy. */
static matrix_windows describe_windows(const sotto_matrix_dsp_params *p, int8_t *scratch) {
  matrix_windows windows = {
      .words = (uint32_t *)(void *)scratch,
      .runs = p->kernel_rows,
      .run_groups = p->run_bytes / MATRIX_GROUP_BYTES,
      .run_skip_bytes = p->kernel_row_step_bytes - p->run_bytes,
  };
  if (p->copied_groups > 0) {
    windows.runs = 1;
    windows.run_groups = p->copied_groups;
  }
  return windows;
}

/* The next three windows. */
static inline void find_next(const sotto_matrix_dsp_params *p, cursor *at,
                             matrix_windows *windows) {
  if (at->x + MATRIX_BLOCK_WINDOWS < p->output_width) { /* none is the last of its row */
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      windows->windows[w] = at->window;
      at->window += p->column_step_bytes;
    }
    at->x += MATRIX_BLOCK_WINDOWS;
    at->left -= MATRIX_BLOCK_WINDOWS;
    return;
  }
  for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) windows->windows[w] = next_window(p, at);
}

/* Not inline, so that layers without copies have few registers to save. */
__attribute__((noinline)) static void copy_windows(const sotto_matrix_dsp_params *p,
                                                   matrix_windows *windows, int8_t *copies) {
  for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w, copies += p->copied_groups * 4) {
    copy_window(p, windows->windows[w], copies);
    windows->windows[w] = copies;
  }
}

/* The next three windows, widened, by way of copies where their runs are not of words. */
static void widen_next(const sotto_matrix_dsp_params *p, cursor *at, matrix_windows *windows,
                       int8_t *copies) {
  find_next(p, at, windows);
  if (p->copied_groups > 0) copy_windows(p, windows, copies);
  sotto_matrix_widen(windows);
}

/* The last of an odd number of channels of three windows, computed beside one of zeros. */
DSP_INLINE void run_odd_channel(const sotto_matrix_dsp_params *p, const matrix_block *even,
                                block_kernel *kernel) {
  int8_t tile[MATRIX_BLOCK_WINDOWS * MATRIX_BLOCK_CHANNELS];
  int8_t *const output = even->output + p->output_channels - 1;
  const int32_t stride = p->output_channels;
  const matrix_block block = {
      .words = even->words,
      .output = tile,
      .window_stride = MATRIX_BLOCK_CHANNELS,
      .stream = even->stream_end,
      .stream_end = even->stream_end + p->pair_words,
      .units = p->units,
      .rounding_base = p->rounding_base,
  };
  kernel(&block);
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
    output[w * stride] = tile[w * MATRIX_BLOCK_CHANNELS];
  }
}

DSP_INLINE void run(const sotto_matrix_dsp_params *p, const int8_t *input, int8_t *output,
                    int8_t *scratch, block_kernel *kernel) {
  const int32_t count = p->output_height * p->output_width;
  int8_t *const copies = scratch + p->units * MATRIX_UNIT_BYTES;
  const int32_t pairs = p->output_channels / MATRIX_BLOCK_CHANNELS;
  matrix_windows windows = describe_windows(p, scratch);
  matrix_block block = {
      .words = windows.words,
      .output = output,
      .window_stride = p->output_channels,
      .stream = p->stream,
      .stream_end = p->stream + pairs * p->pair_words,
      .units = p->units,
      .rounding_base = p->rounding_base,
  };
  cursor at = {.window = input, .row = input, .left = count};
  for (int32_t left = count; left > 0; left -= MATRIX_BLOCK_WINDOWS) {
    widen_next(p, &at, &windows, copies);
    /* From here on neither the copies nor these windows of the input are needed. */
    int8_t *const target = block.output;
    if (left < MATRIX_BLOCK_WINDOWS) block.output = copies;
    if (pairs > 0) kernel(&block);
    if (p->output_channels % MATRIX_BLOCK_CHANNELS != 0) run_odd_channel(p, &block, kernel);
    if (left < MATRIX_BLOCK_WINDOWS) copy_bytes(target, copies, left * p->output_channels);
    block.output = target + MATRIX_BLOCK_WINDOWS * p->output_channels;
  }
  sotto_dsp_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
}

void sotto_matrix_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_block);
}

void sotto_matrix_long_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                              int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_block_long);
}

void sotto_matrix_exact_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                               int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_block_exact);
}

void sotto_matrix_sparse_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                                int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_sparse_block);
}

void sotto_matrix_sparse_exact_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                                      int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_matrix_sparse_block_exact);
}
