/* Runs of bytes from one tensor to another. */
#include <string.h>

#include "sotto/nn.h"

void sotto_copy_s8(const sotto_copy_params *params, const int8_t *input, int8_t *output) {
  const size_t block_bytes = (size_t)params->block_bytes;
  input += params->input_start_byte;
  output += params->output_start_byte;
  for (int32_t i = 0; i < params->blocks; ++i) {
    memcpy(output + i * params->output_stride_bytes, input + i * params->input_stride_bytes,
           block_bytes);
  }
}
