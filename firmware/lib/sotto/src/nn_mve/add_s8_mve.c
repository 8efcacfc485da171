/* Quantised sum of two tensors. */
#include "add_terms.h"
#include "bytes.h"
#include "quad.h"
#include "sotto/nn_mve.h"

void sotto_add_mve_s8(const sotto_add_mve_params *params, const int8_t *input1,
                      const int8_t *input2, int8_t *output) {
  const sotto_add_mve_params *p = params;
  const add_terms terms = {
      .elements = p->elements,
      .offset1 = p->input1_offset * (1 << (ADD_FRACTION_BITS - 1)),
      .offset2 = p->input2_offset * (1 << ADD_FRACTION_BITS),
      .multiplier2 = p->input2_multiplier,
      .shift2 = p->input2_shift,
      .multiplier = p->output_multiplier,
      .rounding = p->rounding_base * (1 << p->output_exponent_less_1), /* < 255 * 2^21 */
      .left_shift = RESULT_SHIFT - 1 - p->output_exponent_less_1,
      .ties_away = p->ties_away,
  };
  sotto_add_terms_mve(&terms, input1, input2, output);
  if (p->activation_min > INT8_MIN || p->activation_max < INT8_MAX) {
    mve_clamp(output, p->elements, p->activation_min, p->activation_max);
  }
}
