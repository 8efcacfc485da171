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

static inline uint32_t dsp_uxtb16_odd(uint32_t word) {
  return dsp_uxtb16(word >> 8);
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

static inline uint32_t dsp_halves(uint32_t low, uint32_t high) {
  return (low & 0xFFFFU) | (high & 0xFFFF0000U);
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

static inline int32_t dsp_smmul(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b) >> 32);
}

static inline int32_t dsp_smmulr(int32_t a, int32_t b) {
  return dsp_smmlar(a, b, 0);
}

static inline int32_t dsp_ssat8(int32_t value) {
  const int32_t floored = value < -128 ? -128 : value;
  return floored > 127 ? 127 : floored;
}

static inline int32_t dsp_ssat8_asr21(int32_t value) {
  return dsp_ssat8(value >> 21);
}

static inline int32_t dsp_half_ssat8(int32_t value) {
  return dsp_ssat8(value >> 1);
}

static inline uint32_t dsp_lanes(int32_t low, int32_t high) {
  return dsp_low_halves((uint32_t)low, (uint32_t)high);
}

static inline uint32_t dsp_sadd16(uint32_t a, uint32_t b) {
  return dsp_lanes(dsp_lane(a) + dsp_lane(b), dsp_lane(a >> 16) + dsp_lane(b >> 16));
}

static inline uint32_t dsp_sxtab16(uint32_t sum, uint32_t word) {
  return dsp_sadd16(sum, dsp_sxtb16(word));
}

static inline uint32_t dsp_sxtab16_odd(uint32_t sum, uint32_t word) {
  return dsp_sadd16(sum, dsp_sxtb16_odd(word));
}

static inline uint32_t dsp_ssub16(uint32_t a, uint32_t b) {
  return dsp_lanes(dsp_lane(a) - dsp_lane(b), dsp_lane(a >> 16) - dsp_lane(b >> 16));
}

static inline uint32_t dsp_shadd16(uint32_t a, uint32_t b) {
  return dsp_lanes((dsp_lane(a) + dsp_lane(b)) >> 1, (dsp_lane(a >> 16) + dsp_lane(b >> 16)) >> 1);
}

static inline uint32_t dsp_shsub16(uint32_t a, uint32_t b) {
  return dsp_lanes((dsp_lane(a) - dsp_lane(b)) >> 1, (dsp_lane(a >> 16) - dsp_lane(b >> 16)) >> 1);
}

static inline uint32_t dsp_ssax(uint32_t a, uint32_t b) {
  return dsp_lanes(dsp_lane(a) + dsp_lane(b >> 16), dsp_lane(a >> 16) - dsp_lane(b));
}

static inline uint32_t dsp_sasx(uint32_t a, uint32_t b) {
  return dsp_lanes(dsp_lane(a) - dsp_lane(b >> 16), dsp_lane(a >> 16) + dsp_lane(b));
}

static inline int32_t dsp_smlsd(uint32_t a, uint32_t b, int32_t sum) {
  const uint32_t low = (uint32_t)(dsp_lane(a) * dsp_lane(b));
  const uint32_t high = (uint32_t)(dsp_lane(a >> 16) * dsp_lane(b >> 16));
  return (int32_t)((uint32_t)sum + low - high);
}

static inline uint32_t dsp_swapped(uint32_t lanes) {
  return (lanes >> 16) | (lanes << 16);
}

static inline int32_t dsp_smlsdx(uint32_t a, uint32_t b, int32_t sum) {
  return dsp_smlsd(a, dsp_swapped(b), sum);
}

static inline int32_t dsp_smladx(uint32_t a, uint32_t b, int32_t sum) {
  return dsp_smlad(a, dsp_swapped(b), sum);
}

static inline int32_t dsp_smusd(uint32_t a, uint32_t b) {
  return dsp_smlsd(a, b, 0);
}

static inline int32_t dsp_smuadx(uint32_t a, uint32_t b) {
  return dsp_smladx(a, b, 0);
}

static inline int32_t dsp_smlabb(uint32_t a, uint32_t b, int32_t sum) {
  return dsp_smlad(a & 0xFFFFU, b, sum);
}

static inline int32_t dsp_smlatt(uint32_t a, uint32_t b, int32_t sum) {
  return dsp_smlabb(a >> 16, b >> 16, sum);
}

static inline uint32_t dsp_rbit(uint32_t word) {
  uint32_t reversed = 0;
  for (int bit = 0; bit < 32; ++bit) {
    reversed = (reversed << 1) | ((word >> bit) & 1U);
  }
  return reversed;
}

#endif
