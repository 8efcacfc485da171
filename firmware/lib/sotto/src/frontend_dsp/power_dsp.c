/* power.c with the DSP instructions. */
#include "../frontend/stages.h"

#if SOTTO_FRONTEND_DSP
#include "../dsp/instructions.h"

#define HALF_Q15 (INT32_C(1) << 14)

static inline uint32_t squared(int32_t real, int32_t imaginary) {
  /* Below 2^32, so exact in unsigned arithmetic. */
  return (uint32_t)real * (uint32_t)real + (uint32_t)imaginary * (uint32_t)imaginary;
}

/* From z + mirror (real E, imaginary D) and z - mirror (real D, imaginary E) to both powers. */
static inline void join(uint32_t sum, uint32_t difference, uint32_t split_q15, uint32_t *power,
                        uint32_t *mirror_power) {
  const uint32_t d = dsp_halves(difference, sum);
  const int32_t t_real = dsp_smladx(d, split_q15, HALF_Q15) >> 15;
  /* Minus the imaginary part of t; rounded half down for that. */
  const int32_t minus_t_imag = dsp_smlsd(d, split_q15, HALF_Q15 - 1) >> 15;
  const int32_t e_real = sotto_real(sum);
  const int32_t e_imag = sotto_imaginary(difference);
  *power = squared(e_real + t_real, e_imag - minus_t_imag);
  *mirror_power = squared(e_real - t_real, e_imag + minus_t_imag);
}

int sotto_power(uint32_t *spectrum, size_t fft_samples, const uint32_t *split_q15, int exponent,
                uint32_t seen) {
  uint32_t *lower = spectrum;
  uint32_t *upper = spectrum + fft_samples / 2;
  *lower++ = 0;
  if (sotto_magnitude_bits(seen) <= SOTTO_SPLIT_INPUT_BITS) {
    for (; lower < upper; ++lower) {
      --upper;
      const uint32_t z = *lower;
      const uint32_t mirror = *upper;
      join(dsp_sadd16(z, mirror), dsp_ssub16(z, mirror), *split_q15++, lower, upper);
    }
    return exponent + 1;
  }
  for (; lower < upper; ++lower) {
    --upper;
    /* Halves are rounded up: minus the half of the negative rounded down, where ~x = -1 - x. */
    const uint32_t z = *lower;
    const uint32_t mirror = *upper;
    join(~dsp_shadd16(~z, ~mirror), dsp_ssub16(0, dsp_shsub16(mirror, z)), *split_q15++, lower,
         upper);
  }
  return exponent;
}
#endif
