/* weighted.h for cores whose products have 32 bits: two products of 16 x 16 bits. */
#ifndef SOTTO_FRONTEND_WEIGHTED_NARROW_H
#define SOTTO_FRONTEND_WEIGHTED_NARROW_H

#include <stddef.h>
#include <stdint.h>

/* The sum of one half of each word by weight; *total is set to the plain sum, < 512 * 2^16. */
static inline uint64_t sotto_weighted_halves(const uint32_t *power, unsigned shift,
                                             const uint16_t *weights_q15, size_t count,
                                             uint32_t *total) {
  uint64_t weighted = 0;
  uint32_t plain = 0;
  for (const uint32_t *end = power + count; power < end; ++power) {
    const uint32_t half = (*power >> shift) & 0xFFFFU;
    plain += half;
    weighted += half * *weights_q15++; /* each < 2^31 */
  }
  *total = plain;
  return weighted;
}

/* The sum of power[count] by weight, each at most 2^15; *total is set to the plain sum. */
static inline uint64_t sotto_weighted_sum(const uint32_t *power, const uint16_t *weights_q15,
                                          size_t count, uint64_t *total) {
  uint32_t low_total;
  uint32_t high_total;
  const uint64_t low = sotto_weighted_halves(power, 0, weights_q15, count, &low_total);
  const uint64_t high = sotto_weighted_halves(power, 16, weights_q15, count, &high_total);
  *total = low_total + ((uint64_t)high_total << 16);
  return low + (high << 16);
}

#endif
