/* Average over windows, rounded half away from zero. */
#include "fixed_point.h"
#include "pool_window.h"
#include "sotto/nn.h"

static int32_t average(const sotto_pool_params *p, const int8_t *input, pool_window w,
                       int32_t channel) {
  /* |sum| <= 128 * taps, and the exporter allows at most 2^23 taps */
  int32_t sum = 0;
  const int32_t step = p->channels;
  const int32_t row_step = p->input_width * step;
  const int32_t taps = (w.bottom - w.top) * (w.right - w.left);
  /* Whole rows lie one behind the other, as one. */
  const int32_t columns = w.right - w.left == p->input_width ? taps : w.right - w.left;
  const int8_t *row = input + w.top * row_step + w.left * step + channel;
  for (int32_t rest = taps; rest > 0; rest -= columns, row += row_step) {
    const int8_t *tap = row;
    for (int32_t left = columns; left > 0; --left, tap += step) sum += *tap;
  }
  return sum > 0 ? (sum + taps / 2) / taps : (sum - taps / 2) / taps;
}

void sotto_average_pool_s8(const sotto_pool_params *params, const int8_t *input, int8_t *output) {
  const sotto_pool_params *p = params;
  for (int32_t oy = 0; oy < p->output_height; ++oy) {
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      const pool_window window = pool_window_at(p, oy, ox);
      for (int32_t c = 0; c < p->channels; ++c) {
        *output++ =
            (int8_t)sotto_clamp(average(p, input, window, c), p->activation_min, p->activation_max);
      }
    }
  }
}
