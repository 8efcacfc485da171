/* The instructions of instructions_armv7em.h in C, for machines without them: the same results. */
#ifndef SOTTO_DSP_INSTRUCTIONS_MODEL_H
#define SOTTO_DSP_INSTRUCTIONS_MODEL_H

#include <stdint.h>

static inline uint32_t dsp_ror8(uint32_t word) {
  return (word >> 8) | (word << 24);
}

static inline uint32_t dsp_uxtb16(uint32_t word) {
  return word & 0x00FF00FFU;
}

static inline uint32_t dsp_sxtb16(uint32_t word) {
  const uint32_t bytes = dsp_uxtb16(word);
  return bytes | (((bytes >> 7) & 0x00010001U) * 0xFF00U);
}

static inline uint32_t dsp_sxtb16_odd(uint32_t word) {
  return dsp_sxtb16(word >> 8);
}

static inline uint32_t dsp_low_halves(uint32_t low, uint32_t high) {
  return (low & 0xFFFFU) | (high << 16);
}

static inline uint32_t dsp_high_halves(uint32_t low, uint32_t high) {
  return (low >> 16) | (high & 0xFFFF0000U);
}

static inline int32_t dsp_lane(uint32_t word) {
  return (int16_t)(uint16_t)word;
}

static inline int32_t dsp_smlad(uint32_t a, uint32_t b, int32_t sum) {
  /* each product fits 31 bits; the sum wraps as the instruction's does */
  const uint32_t low = (uint32_t)(dsp_lane(a) * dsp_lane(b));
  const uint32_t high = (uint32_t)(dsp_lane(a >> 16) * dsp_lane(b >> 16));
  return (int32_t)((uint32_t)sum + low + high);
}

/* The same of the low half of `a` and the high one of `b`, and the other way round. */
static inline int32_t dsp_smlabt(uint32_t a, uint32_t b, int32_t sum) {
  return dsp_smlad(a & 0xFFFFU, b >> 16, sum);
}

static inline int32_t dsp_smlatb(uint32_t a, uint32_t b, int32_t sum) {
  return dsp_smlad(a >> 16, b & 0xFFFFU, sum);
}

static inline int32_t dsp_smmlar(int32_t a, int32_t b, int32_t sum) {
  return sum + (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
}

static inline int32_t dsp_half_ssat8(int32_t value) {
  const int32_t half = value >> 1;
  const int32_t floored = half < -128 ? -128 : half;
  return floored > 127 ? 127 : floored;
}

#endif
