/* Depthwise convolution of windows that a vector holds. */
#include "depthwise_strips.h"
#include "quad.h"

void sotto_depthwise_mve_s8(const sotto_depthwise_mve_params *params, const int8_t *input,
                            int8_t *output, int8_t *scratch) {
  sotto_depthwise_strips_mve(params, input, output, scratch, sotto_depthwise_run_mve,
                             QUAD_CONSTANT_WORDS + params->taps);
}
