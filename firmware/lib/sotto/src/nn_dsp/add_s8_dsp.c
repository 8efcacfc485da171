/* Quantised sum of two tensors. */
#include "clamp.h"
#include "intrinsics.h"
#include "sotto/nn_dsp.h"

/* The reference kernel's 20 fraction bits; sums are kept doubled, as SMMULR wants them. */
#define DOUBLED_BITS 21

void sotto_add_dsp_s8(const sotto_add_dsp_params *params, const int8_t *input1,
                      const int8_t *input2, int8_t *output) {
  const sotto_add_dsp_params *p = params;
  const int8_t *const end = input1 + p->elements;
  const int32_t offset1 = p->input1_offset * (1 << (DOUBLED_BITS - 1));
  const int32_t offset2 = p->input2_offset * (1 << DOUBLED_BITS);
  const int32_t multiplier2 = p->input2_multiplier;
  const int32_t exponent2 = p->input2_exponent;
  const int32_t half2 = (int32_t)((UINT32_C(1) << exponent2) >> 1);
  const int32_t away2 = exponent2 > 0 ? -1 : 0; /* nothing to round without a shift */
  const int32_t multiplier = p->output_multiplier;
  const int32_t exponent = p->output_exponent_less_1;
  const int32_t rounding = p->rounding_base * (1 << exponent); /* < 255 * 2^21 */
  int8_t *target = output;
  while (input1 != end) {
    /* |stored + offset| <= 255: twice half of it times 2^20 is below 2^28 */
    const int32_t term1 = *input1++ * (1 << (DOUBLED_BITS - 1)) + offset1;
    const int32_t raw2 = *input2++ * (1 << DOUBLED_BITS) + offset2; /* < 2^29 */
    /* product < 2^27, half2 <= 2^30 */
    const int32_t sum2 = dsp_smmlar(raw2, multiplier2, half2) + ((raw2 >> 31) & away2);
    const int32_t term2 = sum2 >> exponent2;
    /* |term1| < 2^28, |2 * term2| < 2^28 */
    const int32_t doubled = term1 + 2 * term2;
    *target++ = (int8_t)dsp_requantise_doubled(doubled, multiplier, exponent, rounding);
  }
  sotto_dsp_clamp(output, p->elements, p->activation_min, p->activation_max);
}

static inline int8_t add_fitted(const sotto_add_fitted_dsp_params *p, int32_t value1,
                                int32_t value2) {
  return (int8_t)dsp_ssat8_asr21(value1 * p->factor1 + (value2 * p->factor2 + p->beta));
}

void sotto_add_fitted_dsp_s8(const sotto_add_fitted_dsp_params *params, const int8_t *input1,
                             const int8_t *input2, int8_t *output) {
  const sotto_add_fitted_dsp_params p = *params; /* a copy, which output cannot change */
  int8_t *target = output;
  int32_t left = p.elements;
  for (; left >= 4; left -= 4, input1 += 4, input2 += 4, target += 4) {
    target[0] = add_fitted(&p, input1[0], input2[0]);
    target[1] = add_fitted(&p, input1[1], input2[1]);
    target[2] = add_fitted(&p, input1[2], input2[2]);
    target[3] = add_fitted(&p, input1[3], input2[3]);
  }
  for (; left > 0; --left) *target++ = add_fitted(&p, *input1++, *input2++);
  sotto_dsp_clamp(output, p.elements, p.activation_min, p.activation_max);
}
