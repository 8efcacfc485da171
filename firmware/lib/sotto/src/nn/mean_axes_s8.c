/* Mean over any dimensions. */
#include "fixed_point.h"
#include "strided.h"

void sotto_mean_axes_s8(const sotto_mean_axes_params *params, const int8_t *input, int8_t *output) {
  const sotto_mean_axes_params *p = params;
  for (int32_t o = 0; o < p->outputs; ++o) {
    const int8_t *values = input + strided_offset(o, p->kept_extents, p->kept_strides);
    int32_t sum = 0; /* |sum| <= 255 * positions < 2^31 */
    for (int32_t i = 0; i < p->positions; ++i) {
      sum += values[strided_offset(i, p->reduced_extents, p->reduced_strides)] + p->input_offset;
    }
    const int32_t scaled = sotto_requantise(sum, p->multiplier, p->shift);
    output[o] = (int8_t)sotto_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
  }
}
