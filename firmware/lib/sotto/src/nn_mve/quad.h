/* Four channels in C: what the assembly does with a vector of four words. */
#ifndef SOTTO_NN_MVE_QUAD_H
#define SOTTO_NN_MVE_QUAD_H

#include <stdint.h>

#define QUAD 4
#define VECTOR_BYTES 16

/* Byte `index` of packed weights; words are little-endian on every core that we know. */
static inline int32_t quad_weight(const int32_t *weights, int32_t index) {
  return (int8_t)(uint8_t)((uint32_t)weights[index / 4] >> (index % 4 * 8));
}

/* sum + the products of 16 bytes and 16 weights, modulo 2^32. */
static inline int32_t quad_dot(int32_t sum, const int8_t *bytes, const int32_t *weights) {
  for (int32_t i = 0; i < VECTOR_BYTES; ++i) {
    sum = (int32_t)((uint32_t)sum + (uint32_t)(bytes[i] * quad_weight(weights, i)));
  }
  return sum;
}

/* acc * multiplier * 2^-exponent + zero point, rounded as sotto_requantise where ties_away is set,
 * saturated. Pre: |acc| < 2^30, 0 <= multiplier < 2^31, rounding and left_shift as in nn_mve.h. */
static inline int8_t quad_requantise(int32_t acc, int32_t multiplier, int32_t rounding,
                                     int32_t left_shift, int32_t ties_away) {
  /* The product is below 2^30; |rounding| < 255 * 2^21. Half is added by `rounding`; one less for
   * negative accumulators rounds ties away from zero (where their product is 0, half less one still
   * gives 0). */
  const int32_t product = (int32_t)(((int64_t)acc * multiplier + (INT64_C(1) << 30)) >> 31);
  const int32_t sum = product + (ties_away != 0 && acc < 0 ? -1 : 0) + rounding;
  const int64_t shifted = (int64_t)sum * (INT64_C(1) << left_shift);
  const int64_t floored = shifted < INT32_MIN ? INT32_MIN : shifted;
  return (int8_t)((floored > INT32_MAX ? INT32_MAX : floored) >> 24);
}

#endif
