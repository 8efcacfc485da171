/* Quantised sum of two tensors. */
#include "arithmetic.h"

void sotto_add_s8(const sotto_add_params *params, const int8_t *input1, const int8_t *input2,
                  int8_t *output) {
  for (int32_t i = 0; i < params->elements; ++i) {
    output[i] = add_value(params, input1[i], input2[i]);
  }
}
