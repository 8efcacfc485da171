/* Instructions of Armv7E-M through the Arm C Language Extensions. */
#ifndef SOTTO_DSP_INSTRUCTIONS_ARMV7EM_H
#define SOTTO_DSP_INSTRUCTIONS_ARMV7EM_H

#include <arm_acle.h>
#include <stdint.h>

/* Bytes 0 and 2 as unsigned 16-bit lanes. */
static inline uint32_t dsp_uxtb16(uint32_t word) {
  return __uxtb16(word);
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

/* value >> 1, saturated to int8. */
static inline int32_t dsp_half_ssat8(int32_t value) {
  int32_t saturated;
  __asm__("ssat %0, #8, %1, asr #1" : "=r"(saturated) : "r"(value));
  return saturated;
}

#endif
