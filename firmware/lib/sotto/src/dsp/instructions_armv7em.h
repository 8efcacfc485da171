/* Instructions of Armv7E-M through the Arm C Language Extensions. */
#ifndef SOTTO_DSP_INSTRUCTIONS_ARMV7EM_H
#define SOTTO_DSP_INSTRUCTIONS_ARMV7EM_H

#include <arm_acle.h>
#include <stdint.h>

/* Bytes 0 and 2 as unsigned 16-bit lanes. */
static inline uint32_t dsp_uxtb16(uint32_t word) {
  return __uxtb16(word);
}

/* Bytes 1 and 3 as unsigned 16-bit lanes. */
static inline uint32_t dsp_uxtb16_odd(uint32_t word) {
  uint32_t lanes;
  __asm__("uxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(word));
  return lanes;
}

/* Bytes 0 and 2 as signed 16-bit lanes. */
static inline uint32_t dsp_sxtb16(uint32_t word) {
  return (uint32_t)__sxtb16((int8x4_t)word);
}

/* Bytes 1 and 3 as signed 16-bit lanes. */
static inline uint32_t dsp_sxtb16_odd(uint32_t word) {
  uint32_t lanes;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(word));
  return lanes;
}

/* Lanes of `sum` + bytes 0 and 2 of `word`, + bytes 1 and 3, signed; modulo 2^16. */
static inline uint32_t dsp_sxtab16(uint32_t sum, uint32_t word) {
  uint32_t lanes;
  __asm__("sxtab16 %0, %1, %2" : "=r"(lanes) : "r"(sum), "r"(word));
  return lanes;
}

static inline uint32_t dsp_sxtab16_odd(uint32_t sum, uint32_t word) {
  uint32_t lanes;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(lanes) : "r"(sum), "r"(word));
  return lanes;
}

/* Low halves of both words: `low` below, `high` above. */
static inline uint32_t dsp_low_halves(uint32_t low, uint32_t high) {
  uint32_t halves;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(halves) : "r"(low), "r"(high));
  return halves;
}

/* High halves of both words: that of `low` below, that of `high` above. */
static inline uint32_t dsp_high_halves(uint32_t low, uint32_t high) {
  uint32_t halves;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(halves) : "r"(high), "r"(low));
  return halves;
}

/* The low half of one word and the high half of the other, where they are. */
static inline uint32_t dsp_halves(uint32_t low, uint32_t high) {
  uint32_t halves;
  __asm__("pkhbt %0, %1, %2" : "=r"(halves) : "r"(low), "r"(high));
  return halves;
}

/* sum + both products of the signed 16-bit lanes, modulo 2^32. */
static inline int32_t dsp_smlad(uint32_t a, uint32_t b, int32_t sum) {
  return __smlad((int16x2_t)a, (int16x2_t)b, sum);
}

/* sum + ((a * b + 2^31) >> 32). */
static inline int32_t dsp_smmlar(int32_t a, int32_t b, int32_t sum) {
  int32_t high;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(a), "r"(b), "r"(sum));
  return high;
}

/* (a * b) >> 32. */
static inline int32_t dsp_smmul(int32_t a, int32_t b) {
  int32_t high;
  __asm__("smmul %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
  return high;
}

/* (a * b + 2^31) >> 32. */
static inline int32_t dsp_smmulr(int32_t a, int32_t b) {
  int32_t high;
  __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
  return high;
}

/* value >> 1, saturated to int8. */
static inline int32_t dsp_half_ssat8(int32_t value) {
  int32_t saturated;
  __asm__("ssat %0, #8, %1, asr #1" : "=r"(saturated) : "r"(value));
  return saturated;
}

/* value >> 21, saturated to int8. */
static inline int32_t dsp_ssat8_asr21(int32_t value) {
  int32_t saturated;
  __asm__("ssat %0, #8, %1, asr #21" : "=r"(saturated) : "r"(value));
  return saturated;
}

/* value, saturated to int8. */
static inline int32_t dsp_ssat8(int32_t value) {
  int32_t saturated;
  __asm__("ssat %0, #8, %1" : "=r"(saturated) : "r"(value));
  return saturated;
}

/* Lanes added, subtracted, modulo 2^16. */
static inline uint32_t dsp_sadd16(uint32_t a, uint32_t b) {
  return (uint32_t)__sadd16((int16x2_t)a, (int16x2_t)b);
}

static inline uint32_t dsp_ssub16(uint32_t a, uint32_t b) {
  return (uint32_t)__ssub16((int16x2_t)a, (int16x2_t)b);
}

/* Half the lanes' sum, difference; rounded down. */
static inline uint32_t dsp_shadd16(uint32_t a, uint32_t b) {
  return (uint32_t)__shadd16((int16x2_t)a, (int16x2_t)b);
}

static inline uint32_t dsp_shsub16(uint32_t a, uint32_t b) {
  return (uint32_t)__shsub16((int16x2_t)a, (int16x2_t)b);
}

/* a - i b of complex numbers with the real part in the low lane: low a + high b, high a - low b. */
static inline uint32_t dsp_ssax(uint32_t a, uint32_t b) {
  return (uint32_t)__ssax((int16x2_t)a, (int16x2_t)b);
}

/* a + i b: low a - high b, high a + low b. */
static inline uint32_t dsp_sasx(uint32_t a, uint32_t b) {
  return (uint32_t)__sasx((int16x2_t)a, (int16x2_t)b);
}

/* sum + low a * low b - high a * high b, modulo 2^32: the real part of a complex product. */
static inline int32_t dsp_smlsd(uint32_t a, uint32_t b, int32_t sum) {
  return __smlsd((int16x2_t)a, (int16x2_t)b, sum);
}

/* sum + low a * high b - high a * low b, modulo 2^32. */
static inline int32_t dsp_smlsdx(uint32_t a, uint32_t b, int32_t sum) {
  return __smlsdx((int16x2_t)a, (int16x2_t)b, sum);
}

/* sum + low a * high b + high a * low b, modulo 2^32: the imaginary part of a complex product. */
static inline int32_t dsp_smladx(uint32_t a, uint32_t b, int32_t sum) {
  return __smladx((int16x2_t)a, (int16x2_t)b, sum);
}

/* The same without a sum. */
static inline int32_t dsp_smusd(uint32_t a, uint32_t b) {
  return __smusd((int16x2_t)a, (int16x2_t)b);
}

static inline int32_t dsp_smuadx(uint32_t a, uint32_t b) {
  return __smuadx((int16x2_t)a, (int16x2_t)b);
}

/* sum + the product of the low lanes, of the high lanes; modulo 2^32. */
static inline int32_t dsp_smlabb(uint32_t a, uint32_t b, int32_t sum) {
  return __smlabb((int32_t)a, (int32_t)b, sum);
}

static inline int32_t dsp_smlatt(uint32_t a, uint32_t b, int32_t sum) {
  return __smlatt((int32_t)a, (int32_t)b, sum);
}

/* The bits in reverse. */
static inline uint32_t dsp_rbit(uint32_t word) {
  uint32_t reversed;
  __asm__("rbit %0, %1" : "=r"(reversed) : "r"(word));
  return reversed;
}

#endif
