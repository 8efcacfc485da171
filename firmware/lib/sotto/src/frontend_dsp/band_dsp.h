/* band.h with the DSP instructions and a multiply-accumulate of 64 bits in one. */
#ifndef SOTTO_FRONTEND_DSP_BAND_DSP_H
#define SOTTO_FRONTEND_DSP_BAND_DSP_H

#include <stddef.h>
#include <stdint.h>

#include "../dsp/instructions.h"
#include "../frontend/stages.h"

/* Both products are computed: that costs no more than a total, and leaves nothing for the end. */
static inline void sotto_add_band(const uint32_t *power, const uint16_t *rising_q15, size_t count,
                                  uint64_t *rising, uint64_t *falling) {
  uint64_t rising_sum = *rising;
  uint64_t falling_sum = *falling;
  for (const uint32_t *end = power + count; power < end; ++power) {
    const uint32_t weight = *rising_q15++;
    rising_sum += (uint64_t)*power * weight;
    falling_sum += (uint64_t)*power * ((1U << SOTTO_MEL_FRACTION_BITS) - weight);
  }
  *rising = rising_sum;
  *falling = falling_sum;
}

static inline int32_t sotto_high_product(int32_t a, int32_t b) {
  return dsp_smmulr(a, b);
}

static inline int8_t sotto_clamp_s8(int32_t value) {
  return (int8_t)dsp_ssat8(value);
}

#endif
