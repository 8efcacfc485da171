/* Four channels in C: what the assembly does with a vector of four words. */
#ifndef SOTTO_NN_MVE_QUAD_H
#define SOTTO_NN_MVE_QUAD_H

#include <stdint.h>

#define QUAD 4
#define QUAD_CONSTANT_WORDS (2 * QUAD + 1) /* bias, multiplier, exponent - 1 */
#define VECTOR_BYTES 16
#define RESULT_SHIFT 24

/* Byte `index` of packed words, which are little-endian on every core that we know. */
static inline int32_t quad_byte(const int32_t *words, int32_t index) {
  return (int8_t)(uint8_t)((uint32_t)words[index / 4] >> (index % 4 * 8));
}

/* sum + the products of 16 bytes and 16 weights, modulo 2^32. */
static inline int32_t quad_dot(int32_t sum, const int8_t *bytes, const int32_t *weights) {
  for (int32_t i = 0; i < VECTOR_BYTES; ++i) {
    sum = (int32_t)((uint32_t)sum + (uint32_t)(bytes[i] * quad_byte(weights, i)));
  }
  return sum;
}

/* Words of the weights of four channels. */
static inline int32_t quad_weight_words(int32_t vectors, int32_t tail_bytes) {
  return QUAD * vectors * (VECTOR_BYTES / 4) + tail_bytes;
}

/* sum + the products of a window and the weights of channel `c` of four. */
static inline int32_t quad_window_dot(int32_t sum, const int8_t *window, const int32_t *weights,
                                      int32_t vectors, int32_t tail_bytes, int32_t c) {
  for (int32_t v = 0; v < vectors; ++v, window += VECTOR_BYTES) {
    sum = quad_dot(sum, window, weights + (v * QUAD + c) * (VECTOR_BYTES / 4));
  }
  weights += vectors * QUAD * (VECTOR_BYTES / 4);
  for (int32_t i = 0; i < tail_bytes; ++i) {
    const int32_t product = window[i] * quad_byte(weights, c * tail_bytes + i);
    sum = (int32_t)((uint32_t)sum + (uint32_t)product);
  }
  return sum;
}

/* acc * multiplier * 2^-exponent + zero point, rounded as sotto_requantise where ties_away is set,
 * saturated. Pre: |acc| < 2^30, 0 <= multiplier < 2^31, 1 <= exponent <= 22, rounding = (2 * zero
 * point + 1) << (exponent - 1), left_shift = 24 - exponent. */
static inline int8_t quad_result(int32_t acc, int32_t multiplier, int32_t rounding,
                                 int32_t left_shift, int32_t ties_away) {
  /* Half and the zero point come together: |rounding| < 255 * 2^21, the product is below 2^30. One
   * less for negative accumulators rounds ties away from zero (where their product is 0, half less
   * one still gives 0). */
  const int32_t product = (int32_t)(((int64_t)acc * multiplier + (INT64_C(1) << 30)) >> 31);
  const int32_t sum = product + rounding - (ties_away != 0 && acc < 0 ? 1 : 0);
  /* The result in the uppermost byte: what saturates the word saturates the byte. */
  const int64_t shifted = (int64_t)sum * (INT64_C(1) << left_shift);
  const int64_t floored = shifted < INT32_MIN ? INT32_MIN : shifted;
  return (int8_t)((floored > INT32_MAX ? INT32_MAX : floored) >> RESULT_SHIFT);
}

/* The same with the constants of a stream. */
static inline int8_t quad_requantise(int32_t acc, int32_t multiplier, int32_t exponent_less_1,
                                     int32_t rounding_base, int32_t ties_away) {
  return quad_result(acc, multiplier, rounding_base * (1 << exponent_less_1),
                     RESULT_SHIFT - 1 - exponent_less_1, ties_away);
}

#endif
