/* Quantised sum of two tensors. */
#include "fixed_point.h"
#include "sotto/nn.h"

/* Fraction bits of the common scale: 255 * 2^20 < 2^28. */
#define FRACTION_BITS 20

void sotto_add_s8(const sotto_add_params *params, const int8_t *input1, const int8_t *input2,
                  int8_t *output) {
  const sotto_add_params *p = params;
  for (int32_t i = 0; i < p->elements; ++i) {
    const int32_t raw1 = (input1[i] + p->input1_offset) * (1 << FRACTION_BITS);
    const int32_t raw2 = (input2[i] + p->input2_offset) * (1 << FRACTION_BITS);
    /* the factors are <= 1/2 of twice the greater scale: each term < 2^27, the sum < 2^28 */
    const int32_t sum = sotto_requantise(raw1, p->input1_multiplier, p->input1_shift) +
                        sotto_requantise(raw2, p->input2_multiplier, p->input2_shift);
    const int32_t scaled = sotto_requantise(sum, p->output_multiplier, p->output_shift);
    output[i] =
        (int8_t)sotto_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
  }
}
