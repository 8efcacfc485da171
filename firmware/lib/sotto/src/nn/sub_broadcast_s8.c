/* Quantised difference of two tensors of different shapes. */
#include "arithmetic.h"
#include "strided.h"

void sotto_sub_broadcast_s8(const sotto_add_broadcast_params *params, const int8_t *input1,
                            const int8_t *input2, int8_t *output) {
  const sotto_broadcast_params *s = params->shape;
  for (int32_t run = 0; run < s->runs; ++run) {
    const int8_t *values1 = input1 + strided_offset(run, s->extents, s->input1_strides);
    const int8_t *values2 = input2 + strided_offset(run, s->extents, s->input2_strides);
    for (int32_t i = 0; i < s->run_elements; ++i) {
      *output++ = sub_value(params->arithmetic, *values1, *values2);
      values1 += s->input1_step;
      values2 += s->input2_step;
    }
  }
}
