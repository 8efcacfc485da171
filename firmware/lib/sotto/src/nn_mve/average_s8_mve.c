/* Averages over windows and over whole images, four channels at a time. */
#include "../nn/fixed_point.h"
#include "../nn/pool_window.h"
#include "bytes.h"
#include "quad.h"
#include "sotto/nn_mve.h"

/* Sums of up to four channels of the pixels in a window; the exporter allows 2^23 of them. */
static void sum_window(const sotto_pool_params *p, const int8_t *input, pool_window w,
                       int32_t channels, int32_t sums[QUAD]) {
  const int32_t width = w.right - w.left;
  const int whole_rows = width == p->input_width;
  const int32_t runs = whole_rows ? 1 : w.bottom - w.top;
  const int32_t run = whole_rows ? width * (w.bottom - w.top) : width;
  input += (w.top * p->input_width + w.left) * p->channels;
  for (int32_t c = 0; c < QUAD; ++c) sums[c] = 0;
  for (int32_t i = 0; i < runs; ++i) {
    mve_sum(sums, input, p->channels, run, channels);
    input += p->input_width * p->channels;
  }
}

void sotto_average_pool_mve_s8(const sotto_pool_params *params, const int8_t *input,
                               int8_t *output) {
  const sotto_pool_params *p = params;
  for (int32_t oy = 0; oy < p->output_height; ++oy) {
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      const pool_window window = pool_window_at(p, oy, ox);
      const int32_t taps = (window.bottom - window.top) * (window.right - window.left);
      for (int32_t first = 0; first < p->channels; first += QUAD) {
        const int32_t left = p->channels - first;
        const int32_t channels = left < QUAD ? left : QUAD;
        int32_t sums[QUAD];
        sum_window(p, input + first, window, channels, sums);
        for (int32_t c = 0; c < channels; ++c) {
          const int32_t half = sums[c] > 0 ? taps / 2 : -(taps / 2); /* away from zero */
          *output++ =
              (int8_t)sotto_clamp((sums[c] + half) / taps, p->activation_min, p->activation_max);
        }
      }
    }
  }
}

void sotto_mean_mve_s8(const sotto_mean_params *params, const int8_t *input, int8_t *output) {
  const sotto_mean_params *p = params;
  for (int32_t first = 0; first < p->channels; first += QUAD) {
    const int32_t left = p->channels - first;
    const int32_t channels = left < QUAD ? left : QUAD;
    int32_t sums[QUAD] = {0, 0, 0, 0}; /* |sum + offset * positions| <= 255 * positions < 2^31 */
    mve_sum(sums, input + first, p->channels, p->positions, channels);
    for (int32_t c = 0; c < channels; ++c) {
      const int32_t sum = sums[c] + p->input_offset * p->positions;
      const int32_t scaled = sotto_requantise(sum, p->multiplier, p->shift);
      output[first + c] = (int8_t)sotto_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
    }
  }
}
