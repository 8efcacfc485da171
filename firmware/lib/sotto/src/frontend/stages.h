/* The front-end's stages, in the order of the data flow. Internal to the library.
 *
 * Block floating point: an array of int16 comes with one exponent, value = int16 * 2^-exponent.
 * Right shifts of negative numbers are arithmetic, as in every compiler this library supports.
 */
#ifndef SOTTO_FRONTEND_STAGES_H
#define SOTTO_FRONTEND_STAGES_H

#include <stddef.h>
#include <stdint.h>

_Static_assert((-3 >> 1) == -2, "right shifts must be arithmetic");

/* Bits of magnitude of the windowed samples: |windowed| <= 2^13. */
#define SOTTO_WINDOWED_BITS 13

/* Fraction bits of the mel weights, so of the mel energies beside the power's own. */
#define SOTTO_MEL_FRACTION_BITS 15

/* Points that the first FFT pass joins: 4, or 2 when `points` (a power of two) is not a power of
 * four. */
#define SOTTO_FIRST_PASS_POINTS(points) (((points) & 0x55555555U) != 0 ? 4U : 2U)

static inline int32_t sotto_real(uint32_t packed) {
  return (int16_t)(packed & 0xFFFFU);
}

static inline int32_t sotto_imaginary(uint32_t packed) {
  return (int16_t)(packed >> 16);
}

static inline uint32_t sotto_pack(int32_t real, int32_t imaginary) {
  return ((uint32_t)real & 0xFFFFU) | ((uint32_t)imaginary << 16);
}

/* floor(log2(value)), value >= 1. */
static inline int32_t sotto_floor_log2(uint64_t value) {
  const uint32_t high = (uint32_t)(value >> 32);
  return high != 0 ? 63 - __builtin_clz(high) : 31 - __builtin_clz((uint32_t)value);
}

/* value / 2^shift, half up. Pre: 0 <= shift <= 30 and |value| + 2^(shift - 1) < 2^31. */
static inline int32_t sotto_round_shift(int32_t value, unsigned shift) {
  return (value + ((INT32_C(1) << shift) >> 1)) >> shift;
}

/* `seen` collects value ^ (value << 1) of packed words: its bit b is set in a half when that int16
 * needs b bits of magnitude (and maybe lower bits). The low half's sign leaks into bit 0 of the
 * high half, which means "0 bits" and so changes nothing. */
static inline uint32_t sotto_seen(uint32_t seen, uint32_t packed) {
  return seen | (packed ^ (packed << 1));
}

/* The smallest b with -2^b <= x < 2^b for every int16 x that went into `seen`; 0 .. 15. */
unsigned sotto_magnitude_bits(uint32_t seen);

/* Windows and normalises.
 * In: samples[window_samples] int16; window Q15. Out: spectrum[fft_samples / 2], packed pairs (even
 * sample as real, odd as imaginary part), |.| <= 2^13, zero after the window. Returns the exponent
 * of the pairs, -2 .. 13. */
int sotto_window(const int16_t *samples, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples);

/* Complex FFT of `points` packed int16 words, in place, natural order in and out, block floating
 * point. In: |.| <= 2^13 and exponent. Out: int16; returns the exponent; *seen is set for the
 * output. */
int sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles_q15, int exponent,
              uint32_t *seen);

/* Turns the half-size complex FFT into the power spectrum of the real signal, in place.
 * In: packed words as sotto_fft left them. Out: spectrum[k] = |X_k|^2 * 2^(2 exponent) < 2^32, k =
 * 0 .. fft_samples / 2 - 1 (k = 0 is set to 0: no filter uses it). Returns that exponent. */
int sotto_power(uint32_t *spectrum, size_t fft_samples, const uint32_t *split_q15, int exponent,
                uint32_t seen);

/* Triangular filters. In: power[fft_samples / 2]. Out: mel[bins], Q15 of the power's unit,
 * < 2^56. */
void sotto_mel(const uint32_t *power, const uint16_t *band_start, const uint16_t *rising_q15,
               size_t bins, uint64_t *mel);

/* log2(value) in Q15, value >= 1; from 8 Q15 units below to half a unit above
 * the true value. */
int32_t sotto_log2_q15(uint64_t value, const uint16_t *log2_q15);

/* clamp(round((log2_q15 - zero_q15) * steps_per_octave), -128, 127), half up. */
int8_t sotto_quantize(int32_t log2_q15, int32_t zero_q15, int32_t steps_per_octave_q16);

#endif
