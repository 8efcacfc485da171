/* A block of bytes between tensors of any strides. */
#include "sotto/nn.h"

static void move_dimension(const sotto_move_params *p, int32_t dimension, const int8_t *input,
                           int8_t *output) {
  const int32_t extent = p->extents[dimension];
  const int32_t input_stride = p->input_strides_bytes[dimension];
  const int32_t output_stride = p->output_strides_bytes[dimension];
  for (int32_t i = 0; i < extent; ++i) {
    if (dimension == SOTTO_MOVE_DIMENSIONS - 1) {
      output[i * output_stride] = input[i * input_stride];
    } else {
      move_dimension(p, dimension + 1, input + i * input_stride, output + i * output_stride);
    }
  }
}

void sotto_move_s8(const sotto_move_params *params, const int8_t *input, int8_t *output) {
  move_dimension(params, 0, input + params->input_start_byte, output + params->output_start_byte);
}
