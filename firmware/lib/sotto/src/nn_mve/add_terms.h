/* The sum of two quantised tensors: the inner loop of the adding kernel. */
#ifndef SOTTO_NN_MVE_ADD_TERMS_H
#define SOTTO_NN_MVE_ADD_TERMS_H

#include <stdint.h>

/* Fraction bits of the common scale, as in add_s8.c: 255 * 2^20 < 2^28. */
#define ADD_FRACTION_BITS 20

typedef struct add_terms {
  int32_t elements; /* >= 1 */
  int32_t offset1;  /* of the first input, times 2^19: its factor is 1/2 */
  int32_t offset2;  /* of the second, times 2^20 */
  int32_t multiplier2;
  int32_t shift2; /* <= 0 */
  int32_t multiplier;
  int32_t rounding;   /* see quad_result */
  int32_t left_shift; /* 24 - exponent */
  int32_t ties_away;
} add_terms;

/* The assembly reads the fields as words in this order. */
void sotto_add_terms_mve(const add_terms *terms, const int8_t *input1, const int8_t *input2,
                         int8_t *output);

#endif
