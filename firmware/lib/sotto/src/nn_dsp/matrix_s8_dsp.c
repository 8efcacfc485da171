/* Convolution and fully connected layer as a product of matrices, three windows at a time. */
#include "clamp.h"
#include "intrinsics.h"
#include "matrix_block.h"
#include "sotto/nn_dsp.h"

typedef void block_kernel(const matrix_block *block);

static int8_t *copy_bytes(int8_t *target, const int8_t *source, int32_t count) {
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

/* The windows of output positions `first`, ...; behind the last one that one again. */
static void widen_windows(const sotto_matrix_dsp_params *p, const int8_t *input, int32_t first,
                          uint32_t *words, int8_t *copies) {
  matrix_windows windows = {
      .words = words,
      .runs = p->kernel_rows,
      .run_groups = p->run_bytes / MATRIX_GROUP_BYTES,
      .run_skip_bytes = p->kernel_row_step_bytes - p->run_bytes,
  };
  const int32_t last = p->output_height * p->output_width - 1;
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
    const int32_t index = first + w < last ? first + w : last;
    const int32_t y = index / p->output_width;
    const int32_t x = index - y * p->output_width;
    windows.windows[w] = input + y * p->row_step_bytes + x * p->column_step_bytes;
  }
  if (p->copied_groups > 0) {
    windows.runs = 1;
    windows.run_groups = p->copied_groups;
    for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      int8_t *const copy = copies + w * p->copied_groups * MATRIX_GROUP_BYTES;
      copy_window(p, windows.windows[w], copy);
      windows.windows[w] = copy;
    }
  }
  sotto_matrix_widen(&windows);
}

/* All output channels of three windows. An odd last channel is computed beside one of zeros. */
static void run_block(const sotto_matrix_dsp_params *p, matrix_block block, block_kernel *kernel) {
  const int32_t odd = p->output_channels % MATRIX_BLOCK_CHANNELS;
  block.stream_end = p->stream + p->output_channels / MATRIX_BLOCK_CHANNELS * p->pair_words;
  if (block.stream_end != block.stream) kernel(&block);
  if (odd == 0) return;
  int8_t tile[MATRIX_BLOCK_WINDOWS * MATRIX_BLOCK_CHANNELS];
  int8_t *const output = block.output + p->output_channels - 1;
  const int32_t stride = block.window_stride;
  block.stream = block.stream_end;
  block.stream_end += p->pair_words;
  block.output = tile;
  block.window_stride = MATRIX_BLOCK_CHANNELS;
  kernel(&block);
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
    output[w * stride] = tile[w * MATRIX_BLOCK_CHANNELS];
  }
}

static void run(const sotto_matrix_dsp_params *p, const int8_t *input, int8_t *output,
                int8_t *scratch, block_kernel *kernel) {
  const int32_t count = p->output_height * p->output_width;
  uint32_t *const words = (uint32_t *)(void *)scratch;
  int8_t *const copies = scratch + p->units * MATRIX_UNIT_BYTES;
  for (int32_t first = 0; first < count; first += MATRIX_BLOCK_WINDOWS) {
    widen_windows(p, input, first, words, copies);
    /* From here on neither the copies nor these windows of the input are needed. */
    const int32_t left = count - first;
    int8_t *const target = output + first * p->output_channels;
    const matrix_block block = {
        .words = words,
        .output = left < MATRIX_BLOCK_WINDOWS ? copies : target,
        .window_stride = p->output_channels,
        .stream = p->stream,
        .units = p->units,
        .rounding_base = p->rounding_base,
    };
    run_block(p, block, kernel);
    if (left < MATRIX_BLOCK_WINDOWS) copy_bytes(target, copies, left * p->output_channels);
  }
  dsp_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
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
