/* Two products in one 32-bit multiplication, see sotto_matrix_portable_params. All arithmetic is
 * modulo 2^32; only the digit that is taken in the end has to fit. */
#ifndef SOTTO_NN_PORTABLE_PAIRS_H
#define SOTTO_NN_PORTABLE_PAIRS_H

#include <stdint.h>

#define PAIR_BITS 16
#define PAIR_ROUNDING (UINT32_C(1) << (PAIR_BITS - 1)) /* the low digit is signed */
#define PAIR_MASK UINT32_C(0x00FF00FF)
#define PAIR_OFFSET UINT32_C(0x00800080) /* a stored pair of weights is that much too great */

/* low + 2^16 * high. */
static inline uint32_t pair_of(int32_t low, int32_t high) {
  return (uint32_t)low + ((uint32_t)high << PAIR_BITS);
}

/* The second of the stored pairs of a group's weights. */
static inline uint32_t second_pair(uint32_t weights) {
  return (weights >> 8) & PAIR_MASK;
}

/* The middle digit of a product or a sum of two, to which PAIR_ROUNDING has been added. */
static inline int32_t pair_digit(uint32_t product) {
  return (int32_t)product >> PAIR_BITS;
}

/* What group_sum needs of four inputs. The weights are first + 2^8 * second, so that without taking
 * the first pair from them
 *   first_x * weights + (second_x - 2^8 * first_x) * second = first_x * first + second_x * second;
 * the third word makes up for PAIR_OFFSET. */
static inline void widen_group(const int8_t bytes[4], uint32_t x[3]) {
  const uint32_t first = pair_of(bytes[0], bytes[1]);
  const uint32_t second = pair_of(bytes[2], bytes[3]);
  x[0] = first;
  x[1] = second - (first << 8);
  x[2] = PAIR_ROUNDING - PAIR_OFFSET * (first + second);
}

/* The sum of four products; `second` is second_pair(weights). */
static inline int32_t group_sum(const uint32_t x[3], uint32_t weights, uint32_t second) {
  return pair_digit(x[0] * weights + x[1] * second + x[2]);
}

/* The sum of the products of a window's pair and one of weights. */
static inline int32_t pair_sum(uint32_t x, uint32_t weights) {
  return pair_digit(x * weights + PAIR_ROUNDING);
}

/* Of what the stream sets aside in `word`: its group, and its pair of weights. */
static inline int32_t aside_group(int32_t word) {
  return (int32_t)(((uint32_t)word >> 16) & 0x7FFFU);
}

static inline uint32_t aside_pair(int32_t word) {
  return pair_of((int8_t)word, (int8_t)(word >> 8));
}

#endif
