/* Multiplications and divisions that GCC calls by these names where the core has no instruction for
 * them ("GCC Internals", routines for integer arithmetic), for run-time libraries without them:
 * that of LX106 counts on the ROM of a chip. */
#include <stdint.h>

#define WORD_BITS 32u
#define HALF_BITS 16u
#define HALF_MASK 0xFFFFu

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor);
uint32_t __umodsi3(uint32_t dividend, uint32_t divisor);
int32_t __divsi3(int32_t dividend, int32_t divisor);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);

typedef struct quotient {
  uint64_t quotient;
  uint64_t remainder;
} quotient;

/* Bit by bit, from the highest of `bits`; the divisor is not 0. */
static quotient divide(uint64_t dividend, uint64_t divisor, uint32_t bits) {
  quotient result = {0, 0};
  for (uint32_t bit = bits; bit-- > 0;) {
    result.remainder = result.remainder << 1 | ((dividend >> bit) & 1u);
    if (result.remainder >= divisor) {
      result.remainder -= divisor;
      result.quotient |= (uint64_t)1 << bit;
    }
  }
  return result;
}

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor) {
  return (uint32_t)divide(dividend, divisor, WORD_BITS).quotient;
}

uint32_t __umodsi3(uint32_t dividend, uint32_t divisor) {
  return (uint32_t)divide(dividend, divisor, WORD_BITS).remainder;
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
  return divide(dividend, divisor, 2 * WORD_BITS).quotient;
}

/* Magnitude of a number, also of the lowest. */
static uint64_t magnitude(int64_t value) {
  return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

int64_t __divdi3(int64_t dividend, int64_t divisor) {
  const uint64_t positive = __udivdi3(magnitude(dividend), magnitude(divisor));
  return (int64_t)((dividend < 0) != (divisor < 0) ? 0 - positive : positive);
}

int32_t __divsi3(int32_t dividend, int32_t divisor) {
  return (int32_t)__divdi3(dividend, divisor);
}

/* 64 bits of a product of 32 by 32, in halves: each partial product fits in 32 bits. */
static uint64_t multiply_words(uint32_t a, uint32_t b) {
  const uint32_t low = (a & HALF_MASK) * (b & HALF_MASK);
  const uint32_t cross = (a >> HALF_BITS) * (b & HALF_MASK) + (low >> HALF_BITS); /* < 2^32 */
  const uint32_t other = (a & HALF_MASK) * (b >> HALF_BITS) + (cross & HALF_MASK);
  const uint32_t high =
      (a >> HALF_BITS) * (b >> HALF_BITS) + (cross >> HALF_BITS) + (other >> HALF_BITS);
  return (uint64_t)high << WORD_BITS | (other << HALF_BITS) | (low & HALF_MASK);
}

/* Modulo 2^64, so the same for signed numbers. */
uint64_t __muldi3(uint64_t a, uint64_t b) {
  const uint32_t a_low = (uint32_t)a;
  const uint32_t b_low = (uint32_t)b;
  const uint32_t high = (uint32_t)(a >> WORD_BITS) * b_low + a_low * (uint32_t)(b >> WORD_BITS);
  return multiply_words(a_low, b_low) + ((uint64_t)high << WORD_BITS);
}
