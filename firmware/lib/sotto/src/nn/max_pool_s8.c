/* Maximum over windows. */
#include "fixed_point.h"
#include "pool_window.h"
#include "sotto/nn.h"

static int32_t maximum(const sotto_pool_params *p, const int8_t *input, pool_window w,
                       int32_t channel) {
  int32_t greatest = INT8_MIN;
  for (int32_t y = w.top; y < w.bottom; ++y) {
    for (int32_t x = w.left; x < w.right; ++x) {
      const int32_t value = input[(y * p->input_width + x) * p->channels + channel];
      greatest = value > greatest ? value : greatest;
    }
  }
  return greatest;
}

void sotto_max_pool_s8(const sotto_pool_params *params, const int8_t *input, int8_t *output) {
  const sotto_pool_params *p = params;
  for (int32_t oy = 0; oy < p->output_height; ++oy) {
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      const pool_window window = pool_window_at(p, oy, ox);
      for (int32_t c = 0; c < p->channels; ++c) {
        *output++ =
            (int8_t)sotto_clamp(maximum(p, input, window, c), p->activation_min, p->activation_max);
      }
    }
  }
}
