/* The weighted sum of a band, where 64 bits of a product are to be had. */
#ifndef SOTTO_FRONTEND_WEIGHTED_H
#define SOTTO_FRONTEND_WEIGHTED_H

#include <stddef.h>
#include <stdint.h>

/* The sum of power[count] by weight, each at most 2^15; *total is set to the plain sum. */
static inline uint64_t sotto_weighted_sum(const uint32_t *power, const uint16_t *weights_q15,
                                          size_t count, uint64_t *total) {
  uint64_t weighted = 0; /* < 2^56 */
  uint64_t plain = 0;
  for (const uint32_t *end = power + count; power < end; ++power) {
    plain += *power;
    weighted += (uint64_t)*power * *weights_q15++;
  }
  *total = plain;
  return weighted;
}

#endif
