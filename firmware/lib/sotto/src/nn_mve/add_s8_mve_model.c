/* Quantised sum of two tensors, for machines without vectors. */
#include "sotto/nn_mve.h"

#ifndef __ARM_FEATURE_MVE

void sotto_add_mve_s8(const sotto_add_params *params, const int8_t *input1, const int8_t *input2,
                      int8_t *output) {
  sotto_add_s8(params, input1, input2, output);
}
#endif
