#include "sotto/frontend.h"
#include "stages.h"

#define SEGMENT_BITS 5
#define FRACTION_BITS 11 /* of the position inside a segment */
#define MANTISSA_BITS (SEGMENT_BITS + FRACTION_BITS)

_Static_assert(SOTTO_FRONTEND_LOG2_SEGMENTS == 1 << SEGMENT_BITS, "log2 table and its index");

int32_t sotto_log2_q15(uint64_t value, const uint16_t *log2_q15) {
  const int32_t integer = sotto_floor_log2(value);
  /* Mantissa without its leading one, 16 bits, truncated. */
  const uint64_t aligned = integer > MANTISSA_BITS ? value >> (integer - MANTISSA_BITS)
                                                   : value << (MANTISSA_BITS - integer);
  const uint32_t mantissa = (uint32_t)aligned & ((1U << MANTISSA_BITS) - 1U);
  const uint32_t segment = mantissa >> FRACTION_BITS;
  const int32_t inside = (int32_t)(mantissa & ((1U << FRACTION_BITS) - 1U));
  const int32_t low = log2_q15[segment];
  const int32_t rise = log2_q15[segment + 1] - low; /* <= 2^11, so the product is below 2^22 */
  return (integer << 15) + low + ((rise * inside) >> FRACTION_BITS);
}

int8_t sotto_quantize(int32_t log2_q15, int32_t zero_q15, int32_t steps_per_octave_q16) {
  /* Q15 * Q16 = Q31. |difference| < 2^23 and steps <= 2^22: 64 bits hold the product. */
  const int64_t steps_q31 = (int64_t)(log2_q15 - zero_q15) * steps_per_octave_q16;
  const int64_t feature = (steps_q31 + (INT64_C(1) << 30)) >> 31;
  if (feature < INT8_MIN) {
    return INT8_MIN;
  }
  return feature > INT8_MAX ? INT8_MAX : (int8_t)feature;
}
