/* The steps from power to features: bands of mel filters, logarithm, quantisation. */
#ifndef SOTTO_FRONTEND_LOG_MEL_H
#define SOTTO_FRONTEND_LOG_MEL_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/frontend.h"
#include "stages.h"

#if SOTTO_FRONTEND_DSP
#include "../frontend_dsp/band_dsp.h"
#else
#include "band.h"
#endif

#define SOTTO_LOG2_SEGMENT_BITS 5
#define SOTTO_LOG2_INSIDE_BITS 11 /* of the position inside a segment */

_Static_assert(SOTTO_FRONTEND_LOG2_SEGMENTS == 1 << SOTTO_LOG2_SEGMENT_BITS,
               "log2 table and its index");

/* log2(value) in Q15, value >= 1; from 8 Q15 units below to half a unit above the true value. */
static inline int32_t sotto_log2_q15(uint64_t value, const uint16_t *log2_q15) {
  const uint32_t high = (uint32_t)(value >> 32);
  const uint32_t low = (uint32_t)value;
  int32_t integer;
  uint32_t aligned; /* the highest 32 bits, leading one first */
  if (high != 0) {
    const unsigned zeros = (unsigned)__builtin_clz(high);
    integer = 63 - (int32_t)zeros;
    aligned = (high << zeros) | ((low >> 1) >> (31 - zeros));
  } else {
    const unsigned zeros = (unsigned)__builtin_clz(low);
    integer = 31 - (int32_t)zeros;
    aligned = low << zeros;
  }
  /* After the leading one come 5 bits of segment and 11 of the position inside it. */
  const uint32_t mantissa = aligned << 1;
  const uint32_t segment = mantissa >> (32 - SOTTO_LOG2_SEGMENT_BITS);
  const int32_t inside =
      (int32_t)((mantissa << SOTTO_LOG2_SEGMENT_BITS) >> (32 - SOTTO_LOG2_INSIDE_BITS));
  const int32_t from = log2_q15[segment];
  const int32_t rise = log2_q15[segment + 1] - from; /* <= 2^11, so the product is below 2^22 */
  return integer * 32768 + from + ((rise * inside) >> SOTTO_LOG2_INSIDE_BITS);
}

/* clamp(round((log2_q15 - zero_q15) * steps_per_octave), -128, 127), half up. */
static inline int8_t sotto_quantize(int32_t log2_q15, int32_t zero_q15,
                                    int32_t steps_per_octave_q16) {
  /* Q15 * 2 * Q16 = Q32. |difference| < 2^23 and 2 steps <= 2^23. */
  return sotto_clamp_s8(sotto_high_product(log2_q15 - zero_q15, 2 * steps_per_octave_q16));
}

#endif
