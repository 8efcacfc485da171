/* A function of one stored value, tabulated by the exporter. */
#include "sotto/nn.h"

void sotto_lookup_s8(const sotto_lookup_params *params, const int8_t *input, int8_t *output) {
  for (int32_t i = 0; i < params->elements; ++i) {
    output[i] = params->table[input[i] - INT8_MIN];
  }
}
