/* The wide arithmetic of the features, in portable C. */
#ifndef SOTTO_FRONTEND_BAND_H
#define SOTTO_FRONTEND_BAND_H

#include <stddef.h>
#include <stdint.h>

#include "stages.h"

#if SOTTO_FRONTEND_NARROW
#include "weighted_narrow.h"
#else
#include "weighted.h"
#endif

/* Adds a band of the spectrum to the filter that rises in it and to the one that falls, in Q15 of
 * the power's unit: together < 2^56.
 *
 * Each spectrum bin feeds these two, and its two weights sum to one: one weight is stored, one
 * product computed, and the band's total gives the other. */
static inline void sotto_add_band(const uint32_t *power, const uint16_t *rising_q15, size_t count,
                                  uint64_t *rising, uint64_t *falling) {
  uint64_t total = 0; /* < 512 * 2^32 = 2^41 */
  const uint64_t weighted = sotto_weighted_sum(power, rising_q15, count, &total);
  *rising += weighted;
  *falling += (total << SOTTO_MEL_FRACTION_BITS) - weighted;
}

/* a * b / 2^32, half up. */
static inline int32_t sotto_high_product(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
}

static inline int8_t sotto_clamp_s8(int32_t value) {
  if (value < INT8_MIN) {
    return INT8_MIN;
  }
  return value > INT8_MAX ? INT8_MAX : (int8_t)value;
}

#endif
