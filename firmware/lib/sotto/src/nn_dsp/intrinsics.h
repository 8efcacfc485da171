/* The DSP instructions, and what the packed kernels make of them. */
#ifndef SOTTO_NN_DSP_INTRINSICS_H
#define SOTTO_NN_DSP_INTRINSICS_H

#include <stdint.h>
#include <string.h>

#include "../dsp/instructions.h"

/* Four bytes from any address; lowest address in the lowest bits, as on every core we know. */
static inline uint32_t dsp_load(const int8_t *source) {
  uint32_t word;
  memcpy(&word, source, sizeof word);
  return word;
}

static inline void dsp_store(int8_t *target, uint32_t word) {
  memcpy(target, &word, sizeof word);
}

/* Depthwise weights of a kernel row, in a word as bytes w1, w0, w2 and any: 256 * (w0, w1) and
 * 256 * (w1, w2) as lanes. */
static inline uint32_t dsp_first_weights(uint32_t bytes) {
  return (bytes & UINT32_C(0xFF00)) | bytes << 24;
}

static inline uint32_t dsp_last_weights(uint32_t bytes) {
  return bytes << 8 & UINT32_C(0xFF00FF00);
}

/* doubled / 2 * multiplier * 2^-exponent + zero point, rounded as sotto_requantise, saturated.
 * Pre: |doubled| < 2^30, 0 <= multiplier < 2^31, 0 <= exponent_less_1 <= 21,
 * rounding = (2 * zero point + 1) << exponent_less_1. */
static inline int32_t dsp_requantise_doubled(int32_t doubled, int32_t multiplier,
                                             int32_t exponent_less_1, int32_t rounding) {
  /* Rounded product: round(2 acc * multiplier / 2^32) = round(acc * multiplier / 2^31), below 2^29.
   * Adding half rounds ties up; one less for negative accumulators rounds them away from zero
   * (where their product is 0, half less one still gives 0). The zero point comes with the half:
   * |sum| < 2^29 + 1 + 255 * 2^21 < 2^31. */
  const int32_t sum = dsp_smmlar(doubled, multiplier, rounding) + (doubled >> 31);
  return dsp_half_ssat8(sum >> exponent_less_1);
}

/* The same of an accumulator times 256. */
static inline int32_t dsp_requantise(int32_t acc256, int32_t multiplier, int32_t exponent_less_1,
                                     int32_t rounding) {
  return dsp_requantise_doubled(acc256 >> 7, multiplier, exponent_less_1, rounding);
}

/* The same, where the lowest byte of `acc256` is exponent - 1. */
static inline int32_t dsp_requantise_packed(int32_t acc256, int32_t multiplier,
                                            int32_t rounding_base) {
  const int32_t exponent_less_1 = acc256 & 31;
  const int32_t rounding = rounding_base * (1 << exponent_less_1); /* < 255 * 2^21 */
  return dsp_requantise(acc256, multiplier, exponent_less_1, rounding);
}

/* The same, where the exporter has fitted `factor` and a term of the bias to it. */
static inline int32_t dsp_requantise_fitted(int32_t acc256, int32_t factor) {
  return dsp_ssat8(dsp_smmul(acc256, factor) >> 10);
}

#endif
