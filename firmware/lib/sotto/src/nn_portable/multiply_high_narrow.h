/* For cores that multiply to 32 bits: the functions of multiply_high_wide.h by four products. */
#ifndef SOTTO_NN_PORTABLE_MULTIPLY_HIGH_NARROW_H
#define SOTTO_NN_PORTABLE_MULTIPLY_HIGH_NARROW_H

#include <stdint.h>

/* With value = 2^16 * a + b and factor = 2^16 * m + n the product is
 *   2^32 * a m + 2^16 * (a n + b m) + b n. */
static inline int32_t portable_high_word(int32_t value, int32_t factor) {
  const int32_t a = value >> 16;
  const uint32_t b = (uint32_t)value & 0xFFFFU;
  const int32_t m = factor >> 16; /* 0 .. 2^15 - 1 */
  const uint32_t n = (uint32_t)factor & 0xFFFFU;
  const int32_t middle = a * (int32_t)n + (int32_t)((b * n) >> 16); /* |a n| < 2^31 - 2^16 */
  const uint32_t carry = ((uint32_t)middle & 0xFFFFU) + b * (uint32_t)m;
  return a * m + (middle >> 16) + (int32_t)(carry >> 16);
}

/* With value = 2^15 * a + b and multiplier = 2^16 * m + n the sum is
 *   2^31 * a m + 2^16 * b m + 2^15 * a n + b n + 2^30,
 * divided by 2^15, 2 and 2^15 in turn, each time with what is a whole multiple left out. */
static inline int32_t portable_multiply_high(int32_t value, int32_t multiplier) {
  const int32_t a = value >> 15; /* |a| <= 2^14 */
  const uint32_t b = (uint32_t)value & 0x7FFFU;
  const int32_t m = multiplier >> 16; /* < 2^15 */
  const uint32_t n = (uint32_t)multiplier & 0xFFFFU;
  const int32_t low = a * (int32_t)n + (int32_t)((b * n) >> 15) + (1 << 15); /* < 2^30 + 2^17 */
  return a * m + (((int32_t)b * m + (low >> 1)) >> 15);
}

#endif
