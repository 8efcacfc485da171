/* Mean of each channel over all positions. */
#include "fixed_point.h"
#include "sotto/nn.h"

void sotto_mean_s8(const sotto_mean_params *params, const int8_t *input, int8_t *output) {
  const sotto_mean_params *p = params;
  for (int32_t c = 0; c < p->channels; ++c) {
    int32_t sum = 0; /* |sum| <= 255 * positions < 2^31 */
    for (int32_t i = 0; i < p->positions; ++i) {
      sum += input[i * p->channels + c] + p->input_offset;
    }
    const int32_t scaled = sotto_requantise(sum, p->multiplier, p->shift);
    output[c] = (int8_t)sotto_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
  }
}
