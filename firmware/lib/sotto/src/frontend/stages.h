/* The front-end's stages, in the order of the data flow. Internal to the library.
 *
 * Block floating point: an array of int16 comes with one exponent, value = int16 * 2^-exponent.
 * Right shifts of negative numbers are arithmetic, as in every compiler this library supports.
 *
 * Each stage stands in portable C in this folder; frontend_dsp/ has some of them again for cores
 * with DSP instructions, equal to the last bit. A build compiles one of the two.
 */
#ifndef SOTTO_FRONTEND_STAGES_H
#define SOTTO_FRONTEND_STAGES_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/frontend.h"
#include "sotto/target.h"

_Static_assert((-3 >> 1) == -2, "right shifts must be arithmetic");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the earlier sample is the low half");

/* Whether frontend_dsp/ takes part in this build. */
#define SOTTO_FRONTEND_DSP (SOTTO_TARGET == SOTTO_TARGET_DSP || SOTTO_TARGET == SOTTO_TARGET_MVE)

/* Whether the portable stages are for a core whose products have 32 bits at most: Cortex-M0+,
 * ESP8266. Such a core also loads packed words whole. */
#ifndef SOTTO_FRONTEND_NARROW
#if defined(__ARM_ARCH_6M__) || defined(__XTENSA_CALL0_ABI__)
#define SOTTO_FRONTEND_NARROW 1
#else
#define SOTTO_FRONTEND_NARROW 0
#endif
#endif

/* Bits of magnitude of the windowed samples: |windowed| <= 2^13. */
#define SOTTO_WINDOWED_BITS 13

/* A radix-4 pass multiplies a component by at most 1 + 3 sqrt(2) < 5.25. With 12 bits left after
 * its shift it gives less than 5.25 * 2^12 + 1 = SOTTO_PASS_OUTPUT_LIMIT < 2^15. */
#define SOTTO_PASS_INPUT_BITS 12
#define SOTTO_PASS_OUTPUT_LIMIT 21505

/* The sums of a pass are kept in units of 2^-SOTTO_SUM_BITS and rounded once, half up. */
#define SOTTO_SUM_BITS 16
#define SOTTO_SUM_HALF (INT32_C(1) << (SOTTO_SUM_BITS - 1))

/* With 14 bits of Z the sums E and D of the power stage fit in int16, and
 *   |2 X| <= |E| + |D| <= 2 sqrt(|Z_k|^2 + |Z_{M-k}|^2) <= 2^16.
 * Only a twiddle of 1 with both Z in a corner of their range reaches that, and k = 0 is left out:
 * |2 X|^2 < 2^32. */
#define SOTTO_SPLIT_INPUT_BITS 14

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
static inline unsigned sotto_magnitude_bits(uint32_t seen) {
  const uint32_t both = (seen | (seen >> 16)) & 0xFFFFU;
  return both != 0 ? 31U - (unsigned)__builtin_clz(both) : 0;
}

/* Shift of a radix-4 pass over words that went into `seen`; 1 .. 3. */
static inline unsigned sotto_pass_shift(uint32_t seen) {
  const unsigned bits = sotto_magnitude_bits(seen);
  return bits > SOTTO_PASS_INPUT_BITS ? bits - SOTTO_PASS_INPUT_BITS : 1;
}

/* Bits of magnitude of the loudest of all samples: -2^b <= x < 2^b. */
static inline unsigned sotto_loudest_bits(const uint32_t *pairs, size_t words) {
  uint32_t seen = 0;
  const uint32_t *end = pairs + words;
  for (; end - pairs >= 4; pairs += 4) {
    seen = sotto_seen(sotto_seen(seen, pairs[0]), pairs[1]);
    seen = sotto_seen(sotto_seen(seen, pairs[2]), pairs[3]);
  }
  for (; pairs < end; ++pairs) {
    seen = sotto_seen(seen, *pairs);
  }
  return sotto_magnitude_bits(seen);
}

/* Samples below 2^bits times a window below 2^15 stay below 2^(bits + 15); the shift, 2 .. 17,
 * leaves 13 bits. */
static inline unsigned sotto_window_shift(unsigned bits) {
  return bits + 15U - SOTTO_WINDOWED_BITS;
}

/* Windows and normalises.
 * In: pairs[window_samples / 2], two int16 samples a word, the earlier one in the low half; window
 * Q15. Out: spectrum[fft_samples / 2], packed pairs (even sample as real, odd as imaginary part) in
 * bit-reversed order, |.| <= 2^13, zero after the window. Returns the exponent, -2 .. 13. */
int sotto_window(const uint32_t *pairs, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples);

/* Complex FFT of `points` packed int16 words, in place, block floating point.
 * In: bit-reversed order, |.| <= 2^13, and exponent. The first pass adds words a quarter of the FFT
 * apart; four such values of the window sum to less than 3.9 (2 for a Hann window), so it stays
 * below 2^15. Out: natural order, |.| < SOTTO_PASS_OUTPUT_LIMIT; returns the exponent; *seen is
 * set for the output. */
int sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles_q15, int exponent,
              uint32_t *seen);

/* Turns the half-size complex FFT into the power spectrum of the real signal, in place.
 * In: packed words as sotto_fft left them. Out: spectrum[k] = |X_k|^2 * 2^(2 exponent) < 2^32, k =
 * 0 .. fft_samples / 2 - 1 (k = 0 is set to 0: no filter uses it). Returns that exponent. */
int sotto_power(uint32_t *spectrum, size_t fft_samples, const uint32_t *split_q15, int exponent,
                uint32_t seen);

/* Mel filters, logarithm, quantisation: power[fft_samples / 2] with its exponent -> features of the
 * frame, int8[bins]. */
void sotto_features(const uint32_t *power, const sotto_frontend_tables *tables, int exponent,
                    int8_t *frame_s8);

/* Shows the mel energies that sotto_features computes from the same arguments, one after the other.
 */
void sotto_show_energies(const uint32_t *power, const sotto_frontend_tables *tables, int exponent,
                         const sotto_frontend_tap *tap);

#endif
