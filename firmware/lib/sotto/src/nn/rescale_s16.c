/* Requantisation from and to 16 bits. */
#include "fixed_point.h"
#include "sotto/nn.h"

static int32_t load_s16(const int8_t *bytes) {
  return bytes[1] * 256 + (uint8_t)bytes[0];
}

static void store_s16(int8_t *bytes, int32_t value) {
  bytes[0] = (int8_t)(value & 0xFF);
  bytes[1] = (int8_t)(value >> 8);
}

/* |value + offset| < 2^16 and the exporter accepts shifts up to 14: |result| < 2^30 + 2^15 */
static int32_t rescaled(const sotto_narrow_params *p, const int8_t *input) {
  const int32_t value = load_s16(input) + p->input_offset;
  return sotto_requantise(value, p->multiplier, p->shift) + p->output_offset;
}

void sotto_narrow_s16(const sotto_narrow_params *params, const int8_t *input, int8_t *output) {
  for (int32_t i = 0; i < params->elements; ++i) {
    const int32_t value = rescaled(params, input + 2 * i);
    output[i] = (int8_t)sotto_clamp(value, INT8_MIN, INT8_MAX);
  }
}

void sotto_rescale_s16(const sotto_narrow_params *params, const int8_t *input, int8_t *output) {
  for (int32_t i = 0; i < params->elements; ++i) {
    const int32_t value = rescaled(params, input + 2 * i);
    store_s16(output + 2 * i, sotto_clamp(value, INT16_MIN, INT16_MAX));
  }
}

void sotto_widen_s8(const sotto_widen_params *params, const int8_t *input, int8_t *output) {
  for (int32_t i = 0; i < params->elements; ++i) {
    store_s16(output + 2 * i, params->table[input[i] - INT8_MIN]);
  }
}
