/* Depthwise convolution of one output position, four channels at a time. */
#include "../nn_portable/requantise.h"
#include "column_result.h"
#include "column_sums.h"
#include "sotto/nn_step.h"

/* `constants`: two of a channel, see sotto/nn_step.h. */
static inline int8_t result(const sotto_depthwise_column_params *p, int32_t sum,
                            const int32_t constants[2]) {
  return p->fitted ? column_fitted(sum, constants) : column_exact(sum, constants, p->rounding_base);
}

void sotto_depthwise_column_s8(const sotto_depthwise_column_params *params, const int8_t *input,
                               int8_t *output) {
  const sotto_depthwise_column_params *p = params;
  const int8_t *weights = p->weights;
  const int32_t *constants = p->constants;
  const int32_t last = p->channels - COLUMN_CHANNELS;
  for (int32_t block = 0; block < p->channels; block += COLUMN_CHANNELS) {
    const int32_t channel = block < last ? block : last;
    int32_t sums[COLUMN_CHANNELS];
    sotto_column_sums(input + channel, p->tap_step_bytes, weights, p->taps, sums);
    for (int32_t i = 0; i < COLUMN_CHANNELS; ++i, constants += 2) {
      output[channel + i] = result(p, sums[i], constants);
    }
    weights += COLUMN_CHANNELS * p->taps;
  }
  portable_clamp(output, p->channels, p->activation_min, p->activation_max);
}
