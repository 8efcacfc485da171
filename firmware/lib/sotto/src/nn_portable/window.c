#include "window.h"

#include <stddef.h>

#include "pairs.h"

/* Writes `groups` groups of bytes; returns where the next one goes. */
static uint32_t *widen(const int8_t *bytes, int32_t groups, uint32_t *words, int32_t step_words) {
  for (; groups > 0; --groups, bytes += 4, words += step_words) {
    const uint32_t first = pair_of(bytes[0], bytes[1]);
    const uint32_t second = pair_of(bytes[2], bytes[3]);
    words[0] = first;
    words[1] = second;
    words[2] = PAIR_ROUNDING - PAIR_OFFSET * (first + second);
  }
  return words;
}

/* The taps of a kernel row over the input row `row` (none if null), from column `x` on; returns
 * their end. */
static int8_t *copy_taps(const sotto_matrix_portable_params *p, const int8_t *row, int32_t x,
                         int8_t *target) {
  const int32_t channels = p->input_channels;
  for (int32_t kx = 0; kx < p->kernel_width; ++kx, x += p->dilation_width) {
    int8_t *const end = target + channels;
    if (row == NULL || x < 0 || x >= p->input_width) {
      while (target != end) *target++ = (int8_t)p->pad_value;
    } else {
      const int8_t *source = row + x * channels;
      while (target != end) *target++ = *source++;
    }
  }
  return target;
}

void sotto_portable_window(const sotto_matrix_portable_params *params, const int8_t *input,
                           int32_t index, int8_t *patch, uint32_t *words, int32_t step_words) {
  const sotto_matrix_portable_params *p = params;
  const int32_t row_bytes = p->kernel_width * p->input_channels;
  const int32_t output_y = index / p->output_width;
  const int32_t x = (index - output_y * p->output_width) * p->stride_width - p->pad_left;
  const int whole_rows = row_bytes % 4 == 0;
  const int inside = p->dilation_width == 1 && x >= 0 && x + p->kernel_width <= p->input_width;
  int32_t y = output_y * p->stride_height - p->pad_top;
  int8_t *target = patch;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, y += p->dilation_height) {
    const int outside = y < 0 || y >= p->input_height;
    const int8_t *const row = outside ? NULL : input + y * p->input_width * p->input_channels;
    if (whole_rows && inside && !outside) {
      words = widen(row + x * p->input_channels, row_bytes / 4, words, step_words);
      continue;
    }
    int8_t *const end = copy_taps(p, row, x, target);
    if (whole_rows) {
      words = widen(patch, row_bytes / 4, words, step_words);
    } else {
      target = end;
    }
  }
  if (whole_rows) return;
  while (target != patch + 4 * p->groups) *target++ = 0; /* their weights are 0 */
  widen(patch, p->groups, words, step_words);
}
