/* Border of a constant value. */
#include <string.h>

#include "sotto/nn.h"

static int8_t *fill(int8_t *output, int32_t value, int32_t bytes) {
  memset(output, (int)value, (size_t)bytes);
  return output + bytes;
}

void sotto_pad_s8(const sotto_pad_params *params, const int8_t *input, int8_t *output) {
  const sotto_pad_params *p = params;
  const int32_t row_bytes = p->before_bytes + p->input_row_bytes + p->after_bytes;
  output = fill(output, p->value, p->before_rows * row_bytes);
  for (int32_t y = 0; y < p->input_height; ++y, input += p->input_row_bytes) {
    output = fill(output, p->value, p->before_bytes);
    memcpy(output, input, (size_t)p->input_row_bytes);
    output = fill(output + p->input_row_bytes, p->value, p->after_bytes);
  }
  (void)fill(output, p->value, p->after_rows * row_bytes);
}
