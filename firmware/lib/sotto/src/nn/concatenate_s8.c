/* Places one input of a concatenation. */
#include <string.h>

#include "sotto/nn.h"

void sotto_concatenate_s8(const sotto_concatenate_params *params, const int8_t *input,
                          int8_t *output) {
  const size_t block_bytes = (size_t)params->block_bytes;
  output += params->output_start_byte;
  for (int32_t i = 0; i < params->blocks; ++i) {
    memcpy(output, input, block_bytes);
    input += params->block_bytes;
    output += params->output_stride_bytes;
  }
}
