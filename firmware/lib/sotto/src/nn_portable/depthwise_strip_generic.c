/* The depthwise strips kernel's inner loops in C. */
#include "depthwise_strip.h"

#include "arm.h"

#ifndef SOTTO_ARMV7M
#include "sotto/nn_portable.h"

static inline int32_t three_products(const int32_t *x, int32_t w0, int32_t w1, int32_t w2) {
  return x[0] * w0 + x[1] * w1 + x[2] * w2;
}

/* All rows; `stride` is a constant in each caller. */
static inline void run_strip(const depthwise_strip *strip, int32_t stride) {
  const depthwise_strip s = *strip; /* of its own: nothing that is written can change it */
  const int32_t *const weights_end = s.weights + s.kernel_height * DEPTHWISE_KERNEL_COLUMNS;
  const int32_t *x = s.row;
  int8_t *output = s.output;
  for (int32_t row = 0; row < s.rows; ++row, output += s.output_row_bytes) {
    int32_t a = 0;
    int32_t b = 0;
    int32_t c = 0;
    int32_t d = 0;
    int32_t e = 0;
    for (const int32_t *w = s.weights; w != weights_end; w += DEPTHWISE_KERNEL_COLUMNS) {
      a += three_products(x, w[0], w[1], w[2]);
      b += three_products(x + stride, w[0], w[1], w[2]);
      c += three_products(x + 2 * stride, w[0], w[1], w[2]);
      d += three_products(x + 3 * stride, w[0], w[1], w[2]);
      e += three_products(x + 4 * stride, w[0], w[1], w[2]);
      x += SOTTO_DEPTHWISE_STRIP_COLUMNS(stride);
    }
    x -= s.back_words;
    const int32_t sums[DEPTHWISE_STRIP_OUTPUTS] = {a, b, c, d, e};
    portable_requantise_all(&s.how, sums, DEPTHWISE_STRIP_OUTPUTS, s.constants, output, s.channels);
  }
}

void sotto_depthwise_strip_stride1(depthwise_strip *strip) {
  run_strip(strip, 1);
}

void sotto_depthwise_strip_stride2(depthwise_strip *strip) {
  run_strip(strip, 2);
}
#endif
