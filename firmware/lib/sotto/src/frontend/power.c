#include "stages.h"

#if !SOTTO_FRONTEND_DSP
#include "complex32.h"

static uint32_t squared(int32_t real, int32_t imaginary) {
  /* Below 2^32, so exact in unsigned arithmetic. */
  return (uint32_t)real * (uint32_t)real + (uint32_t)imaginary * (uint32_t)imaginary;
}

int sotto_power(uint32_t *spectrum, size_t fft_samples, const uint32_t *split_q15, int exponent,
                uint32_t seen) {
  const size_t points = fft_samples / 2;
  const unsigned bits = sotto_magnitude_bits(seen);
  const unsigned shift =
      bits > SOTTO_SPLIT_INPUT_BITS ? bits - SOTTO_SPLIT_INPUT_BITS : 0; /* 0 or 1 */

  /* Z is the FFT of z_n = x_2n + i x_2n+1. With M = points and W = exp(-2 pi i / fft_samples):
   *   E = Z_k + conj(Z_{M-k})
   *   D = Z_k - conj(Z_{M-k})
   *   2 X_k = E - i W^k D
   *   2 conj(X_{M-k}) = E + i W^k D */
  spectrum[0] = 0;
  for (size_t k = 1; k <= points / 2; ++k) {
    const complex32 z = sotto_unpack(&spectrum[k]);
    const complex32 mirror = sotto_unpack(&spectrum[points - k]);
    const int32_t e_real = sotto_round_shift(z.real + mirror.real, shift);
    const int32_t e_imag = sotto_round_shift(z.imaginary - mirror.imaginary, shift);
    const int32_t d_real = sotto_round_shift(z.real - mirror.real, shift);
    const int32_t d_imag = sotto_round_shift(z.imaginary + mirror.imaginary, shift);

    /* t = -i W^k D: |D| |W| <= 2^15.5 * 2^15 < 2^31 before the shift. */
    const complex32 w = sotto_unpack(&split_q15[k - 1]);
    const int32_t t_real = sotto_round_shift(d_real * w.imaginary + d_imag * w.real, 15);
    const int32_t t_imag = sotto_round_shift(d_imag * w.imaginary - d_real * w.real, 15);

    spectrum[k] = squared(e_real + t_real, e_imag + t_imag);
    spectrum[points - k] = squared(e_real - t_real, e_imag - t_imag);
  }
  return exponent - (int)shift + 1; /* + 1: the sums are 2 X */
}
#endif
