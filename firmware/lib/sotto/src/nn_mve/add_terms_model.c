/* The adding kernel's inner loop in C: what add_terms_armv81m.c computes. */
#include "add_terms.h"

#ifndef __ARM_FEATURE_MVE
#include "../nn/fixed_point.h"
#include "quad.h"

void sotto_add_terms_mve(const add_terms *terms, const int8_t *input1, const int8_t *input2,
                         int8_t *output) {
  for (int32_t i = 0; i < terms->elements; ++i) {
    const int32_t term1 = input1[i] * (1 << (ADD_FRACTION_BITS - 1)) + terms->offset1;
    const int32_t raw2 = input2[i] * (1 << ADD_FRACTION_BITS) + terms->offset2;
    const int32_t term2 = sotto_requantise(raw2, terms->multiplier2, terms->shift2);
    output[i] = quad_result(term1 + term2, terms->multiplier, terms->rounding, terms->left_shift,
                            terms->ties_away);
  }
}
#endif
