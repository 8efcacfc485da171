/* Quantised product of two tensors. */
#include "fixed_point.h"
#include "sotto/nn.h"

void sotto_mul_s8(const sotto_mul_params *params, const int8_t *input1, const int8_t *input2,
                  int8_t *output) {
  const sotto_mul_params *p = params;
  for (int32_t i = 0; i < p->elements; ++i) {
    /* |product| <= 255^2 < 2^16; the exporter accepts shifts up to 14 */
    const int32_t product = (input1[i] + p->input1_offset) * (input2[i] + p->input2_offset);
    const int32_t scaled = sotto_requantise(product, p->multiplier, p->shift);
    output[i] =
        (int8_t)sotto_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
  }
}
