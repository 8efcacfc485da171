/* Quantised sum of two tensors, four elements at a time: the steps of add_s8.c. */
#include "sotto/nn_mve.h"

#ifdef __ARM_FEATURE_MVE
#include <arm_mve.h>

/* Fraction bits of the common scale, as in add_s8.c. */
#define FRACTION_BITS 20

/* How a term or the sum is scaled; `away` is all ones where something is rounded away. */
typedef struct scaling {
  int32_t multiplier;
  int32_t shift; /* <= 0 */
  int32x4_t away;
} scaling;

static inline scaling scaling_of(int32_t multiplier, int32_t shift) {
  return (scaling){multiplier, shift, vdupq_n_s32(shift < 0 ? -1 : 0)};
}

/* sotto_requantise of each word: VRSHL rounds halves up, one less for negatives away from zero. */
static inline int32x4_t scale(int32x4_t value, scaling how) {
  const int32x4_t product = vqrdmulhq_n_s32(value, how.multiplier);
  const int32x4_t signs = vandq_s32(vshrq_n_s32(product, 31), how.away);
  return vrshlq_n_s32(vaddq_s32(product, signs), how.shift);
}

void sotto_add_mve_s8(const sotto_add_params *params, const int8_t *input1, const int8_t *input2,
                      int8_t *output) {
  const sotto_add_params *p = params;
  const scaling first = scaling_of(p->input1_multiplier, p->input1_shift);
  const scaling second = scaling_of(p->input2_multiplier, p->input2_shift);
  const scaling total = scaling_of(p->output_multiplier, p->output_shift);
  for (int32_t left = p->elements; left > 0; left -= 4, input1 += 4, input2 += 4, output += 4) {
    const mve_pred16_t used = vctp32q((uint32_t)left);
    const int32x4_t stored1 = vaddq_n_s32(vldrbq_z_s32(input1, used), p->input1_offset);
    const int32x4_t stored2 = vaddq_n_s32(vldrbq_z_s32(input2, used), p->input2_offset);
    const int32x4_t term1 = scale(vshlq_n_s32(stored1, FRACTION_BITS), first);
    const int32x4_t term2 = scale(vshlq_n_s32(stored2, FRACTION_BITS), second);
    int32x4_t sum = scale(vaddq_s32(term1, term2), total);
    sum = vaddq_n_s32(sum, p->output_offset);
    sum = vmaxq_s32(sum, vdupq_n_s32(p->activation_min));
    sum = vminq_s32(sum, vdupq_n_s32(p->activation_max));
    vstrbq_p_s32(output, sum, used);
  }
}
#endif
