/* Convolution and fully connected layer as a product of matrices, three windows at a time. */
#include "clamp.h"
#include "intrinsics.h"
#include "matrix_block.h"
#include "sotto/nn_dsp.h"

#define SIGNS UINT32_C(0x80808080)        /* stored value -> stored value + 128 */
#define SECOND_WORDS UINT32_C(0x80FF80FF) /* see matrix_block.h */

static int8_t *copy_bytes(int8_t *target, const int8_t *source, int32_t count) {
  for (; count >= 4; count -= 4, target += 4, source += 4) dsp_store(target, dsp_load(source));
  for (; count > 0; --count) *target++ = *source++;
  return target;
}

static int8_t *fill_bytes(int8_t *target, int32_t value, int32_t count) {
  for (; count > 0; --count) *target++ = (int8_t)value;
  return target;
}

static int32_t between(int32_t value, int32_t low, int32_t high) {
  const int32_t floored = value < low ? low : value;
  return floored > high ? high : floored;
}

/* Bytes of the window whose first tap is input row `y`, column `x`, tap by tap. Returns the end. */
static int8_t *copy_taps(const sotto_matrix_dsp_params *p, const int8_t *input, int32_t y,
                         int32_t x, int8_t *target) {
  const int32_t channels = p->input_channels;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, y += p->dilation_height) {
    const int32_t row = y * p->input_width;
    const int row_outside = y < 0 || y >= p->input_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t column = x + kx * p->dilation_width;
      const int outside = row_outside || column < 0 || column >= p->input_width;
      target = outside ? fill_bytes(target, p->pad_value, channels)
                       : copy_bytes(target, input + (row + column) * channels, channels);
    }
  }
  return target;
}

/* The same without dilation: rows and columns outside of the image are filled in runs. */
static int8_t *copy_rows(const sotto_matrix_dsp_params *p, const int8_t *input, int32_t y,
                         int32_t x, int8_t *target) {
  const int32_t channels = p->input_channels;
  const int32_t row_bytes = p->kernel_width * channels;
  const int32_t input_row_bytes = p->input_width * channels;
  const int32_t top = between(-y, 0, p->kernel_height);
  const int32_t end = between(p->input_height - y, top, p->kernel_height);
  const int32_t before = between(-x, 0, p->kernel_width) * channels;
  const int32_t inside = between(p->input_width - x, 0, p->kernel_width) * channels - before;
  const int32_t first_row = between(y, 0, p->input_height);
  const int32_t first_column = between(x, 0, p->input_width);
  const int8_t *row = input + first_row * input_row_bytes + first_column * channels;
  target = fill_bytes(target, p->pad_value, top * row_bytes);
  for (int32_t ky = top; ky < end; ++ky, row += input_row_bytes) {
    if (inside == row_bytes) {
      target = copy_bytes(target, row, row_bytes);
    } else {
      target = fill_bytes(target, p->pad_value, before);
      target = copy_bytes(target, row, inside);
      target = fill_bytes(target, p->pad_value, row_bytes - before - inside);
    }
  }
  return fill_bytes(target, p->pad_value, (p->kernel_height - end) * row_bytes);
}

/* Bytes of the window of output position `index`: in the input where they lie there whole and in
 * words, else copied to `copy`. */
static const int8_t *window_at(const sotto_matrix_dsp_params *p, const int8_t *input, int32_t index,
                               int8_t *copy) {
  const int32_t bytes = p->kernel_height * p->kernel_width * p->input_channels;
  const int32_t steps = p->kernel_height * p->kernel_width * p->stride_height * p->stride_width;
  if (steps == 1 && bytes % 4 == 0) return input + index * bytes;
  const int32_t output_y = index / p->output_width;
  const int32_t output_x = index - output_y * p->output_width;
  const int32_t y = output_y * p->stride_height - p->pad_top;
  const int32_t x = output_x * p->stride_width - p->pad_left;
  const int dilated = p->dilation_height != 1 || p->dilation_width != 1;
  int8_t *const end = dilated ? copy_taps(p, input, y, x, copy) : copy_rows(p, input, y, x, copy);
  fill_bytes(end, 0, 4 * p->groups - bytes); /* their weights are 0 */
  return copy;
}

/* Writes the six words of each group that matrix_block.h describes. */
static void widen(const int8_t *const windows[MATRIX_BLOCK_WINDOWS], int32_t groups,
                  uint32_t *words) {
  const int8_t *a = windows[0];
  const int8_t *b = windows[1];
  const int8_t *c = windows[2];
  const uint32_t *const end = words + groups * 2 * MATRIX_BLOCK_WINDOWS;
  while (words != end) {
    const uint32_t wa = dsp_load(a) ^ SIGNS;
    const uint32_t wb = dsp_load(b) ^ SIGNS;
    const uint32_t wc = dsp_load(c) ^ SIGNS;
    words[0] = dsp_uxtb16(wa);
    words[1] = dsp_uxtb16(wb);
    words[2] = dsp_uxtb16(wc);
    words[3] = wa ^ SECOND_WORDS;
    words[4] = wb ^ SECOND_WORDS;
    words[5] = wc ^ SECOND_WORDS;
    words += 2 * MATRIX_BLOCK_WINDOWS;
    a += 4;
    b += 4;
    c += 4;
  }
}

/* All output channels of three windows. An odd last channel is computed beside one of zeros. */
static void run_block(const sotto_matrix_dsp_params *p, matrix_block block) {
  const int32_t pairs = p->output_channels / MATRIX_BLOCK_CHANNELS;
  block.channel_pairs = pairs;
  if (pairs > 0) sotto_matrix_block(&block);
  if (p->output_channels % MATRIX_BLOCK_CHANNELS == 0) return;
  int8_t tile[MATRIX_BLOCK_WINDOWS * MATRIX_BLOCK_CHANNELS];
  int8_t *const output = block.output + p->output_channels - 1;
  const int32_t stride = block.window_stride;
  block.stream += pairs * (2 * p->groups + 6); /* words of a pair */
  block.output = tile;
  block.channel_pairs = 1;
  block.window_stride = MATRIX_BLOCK_CHANNELS;
  sotto_matrix_block(&block);
  for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
    output[w * stride] = tile[w * MATRIX_BLOCK_CHANNELS];
  }
}

void sotto_matrix_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch) {
  const sotto_matrix_dsp_params *p = params;
  const int32_t count = p->output_height * p->output_width;
  uint32_t *const words = (uint32_t *)(void *)scratch;
  int8_t *const copies = scratch + p->groups * 24;
  for (int32_t first = 0; first < count; first += MATRIX_BLOCK_WINDOWS) {
    const int32_t left = count - first;
    const int8_t *windows[MATRIX_BLOCK_WINDOWS];
    for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      /* Behind the last window: that one again. */
      const int32_t index = w < left ? first + w : count - 1;
      windows[w] = window_at(p, input, index, copies + w * 4 * p->groups);
    }
    widen(windows, p->groups, words);
    /* From here on neither the copies nor these windows of the input are needed. */
    int8_t *const target = output + first * p->output_channels;
    const matrix_block block = {
        .windows = words,
        .stream = p->stream,
        .output = left < MATRIX_BLOCK_WINDOWS ? copies : target,
        .groups = p->groups,
        .window_stride = p->output_channels,
        .rounding_base = p->rounding_base,
    };
    run_block(p, block);
    if (left < MATRIX_BLOCK_WINDOWS) copy_bytes(target, copies, left * p->output_channels);
  }
  dsp_clamp(output, count * p->output_channels, p->activation_min, p->activation_max);
}
