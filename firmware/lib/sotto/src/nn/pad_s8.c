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
  /* What is behind a row and before the next one lies together. */
  const int32_t between_bytes = p->after_bytes + p->before_bytes;
  output = fill(output, p->value, p->before_rows * row_bytes + p->before_bytes);
  for (int32_t y = 1; y < p->input_height; ++y, input += p->input_row_bytes) {
    memcpy(output, input, (size_t)p->input_row_bytes);
    output = fill(output + p->input_row_bytes, p->value, between_bytes);
  }
  memcpy(output, input, (size_t)p->input_row_bytes);
  output += p->input_row_bytes;
  (void)fill(output, p->value, p->after_bytes + p->after_rows * row_bytes);
}
