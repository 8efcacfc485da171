#include "stages.h"

/* A radix-4 pass multiplies a component by at most 1 + 3 sqrt(2) < 5.25, so with 12 bits in it
 * leaves 5.25 * 2^12 + 4 roundings < 2^15. */
#define PASS_INPUT_BITS 12

typedef struct complex32 {
  int32_t real;
  int32_t imaginary;
} complex32;

unsigned sotto_magnitude_bits(uint32_t seen) {
  const uint32_t both = (seen | (seen >> 16)) & 0xFFFFU;
  unsigned bits = 0;
  while ((both >> bits) > 1U) {
    ++bits;
  }
  return bits;
}

/* Swaps each word with the one at its bit-reversed index. */
static void reverse_bits(uint32_t *spectrum, size_t points) {
  size_t reversed = 0;
  for (size_t i = 1; i < points; ++i) {
    size_t carry = points >> 1;
    while ((reversed & carry) != 0) {
      reversed ^= carry;
      carry >>= 1;
    }
    reversed |= carry;
    if (i < reversed) {
      const uint32_t kept = spectrum[i];
      spectrum[i] = spectrum[reversed];
      spectrum[reversed] = kept;
    }
  }
}

/* Pairs of one-point transforms. In: |.| <= 2^13. Out: <= 2^14. */
static uint32_t radix2_pass(uint32_t *spectrum, size_t points) {
  uint32_t seen = 0;
  for (size_t i = 0; i < points; i += 2) {
    const uint32_t a = spectrum[i];
    const uint32_t b = spectrum[i + 1];
    spectrum[i] =
        sotto_pack(sotto_real(a) + sotto_real(b), sotto_imaginary(a) + sotto_imaginary(b));
    spectrum[i + 1] =
        sotto_pack(sotto_real(a) - sotto_real(b), sotto_imaginary(a) - sotto_imaginary(b));
    seen = sotto_seen(sotto_seen(seen, spectrum[i]), spectrum[i + 1]);
  }
  return seen;
}

/* x / 2^shift. */
static complex32 scaled(uint32_t x, unsigned shift) {
  return (complex32){sotto_round_shift(sotto_real(x), shift),
                     sotto_round_shift(sotto_imaginary(x), shift)};
}

/* x * twiddle / 2^shift. int16 * Q15: |x| |twiddle| <= 2^15.5 * 2^15 = 2^30.5, and the rounding
 * adds 2^17. */
static complex32 rotated(uint32_t x, uint32_t twiddle_q15, unsigned shift) {
  const int32_t c = sotto_real(twiddle_q15);
  const int32_t s = sotto_imaginary(twiddle_q15);
  const int32_t real = sotto_real(x) * c - sotto_imaginary(x) * s;
  const int32_t imaginary = sotto_real(x) * s + sotto_imaginary(x) * c;
  return (complex32){sotto_round_shift(real, shift + 15), sotto_round_shift(imaginary, shift + 15)};
}

/* Joins four transforms: their residues in bit-reversed order are 0 (a), 2 (b), 1 (c), 3 (d).
 * Writes words 0, length, 2 length, 3 length. */
static uint32_t butterfly(uint32_t *word, size_t length, complex32 a, complex32 b, complex32 c,
                          complex32 d, uint32_t seen) {
  const complex32 ab_sum = {a.real + b.real, a.imaginary + b.imaginary};
  const complex32 ab_difference = {a.real - b.real, a.imaginary - b.imaginary};
  const complex32 cd_sum = {c.real + d.real, c.imaginary + d.imaginary};
  const complex32 cd_difference = {c.real - d.real, c.imaginary - d.imaginary};
  const uint32_t y0 = sotto_pack(ab_sum.real + cd_sum.real, ab_sum.imaginary + cd_sum.imaginary);
  const uint32_t y1 = sotto_pack(ab_difference.real + cd_difference.imaginary,
                                 ab_difference.imaginary - cd_difference.real);
  const uint32_t y2 = sotto_pack(ab_sum.real - cd_sum.real, ab_sum.imaginary - cd_sum.imaginary);
  const uint32_t y3 = sotto_pack(ab_difference.real - cd_difference.imaginary,
                                 ab_difference.imaginary + cd_difference.real);
  word[0] = y0;
  word[length] = y1;
  word[2 * length] = y2;
  word[3 * length] = y3;
  return sotto_seen(sotto_seen(sotto_seen(sotto_seen(seen, y0), y1), y2), y3);
}

/* One pass: transforms of `length` points become transforms of 4 length points, all divided by
 * 2^shift. */
static uint32_t radix4_pass(uint32_t *spectrum, size_t points, size_t length,
                            const uint32_t *twiddles_q15, unsigned shift) {
  uint32_t seen = 0;
  for (size_t start = 0; start < points; start += 4 * length) {
    uint32_t *word = &spectrum[start]; /* twiddle 1 is exact: 32768 does not fit in Q15 */
    seen = butterfly(word, length, scaled(word[0], shift), scaled(word[length], shift),
                     scaled(word[2 * length], shift), scaled(word[3 * length], shift), seen);
  }
  for (size_t k = 1; k < length; ++k, twiddles_q15 += 3) {
    for (size_t start = k; start < points; start += 4 * length) {
      uint32_t *word = &spectrum[start];
      seen = butterfly(word, length, scaled(word[0], shift),
                       rotated(word[length], twiddles_q15[0], shift),
                       rotated(word[2 * length], twiddles_q15[1], shift),
                       rotated(word[3 * length], twiddles_q15[2], shift), seen);
    }
  }
  return seen;
}

int sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles_q15, int exponent,
              uint32_t *seen) {
  reverse_bits(spectrum, points);

  /* The first pass needs no shift. Radix 2: 2 * 2^13 <= 2^14. Radix 4: it adds four windowed
   * samples a quarter of the FFT apart, and four such window values sum to less than 4: below 4 *
   * 2^13 = 2^15. */
  size_t length = 1;
  const int is_power_of_four = (points & 0x5555U) != 0;
  if (is_power_of_four) {
    *seen = radix4_pass(spectrum, points, 1, twiddles_q15, 0);
    length = 4;
  } else {
    *seen = radix2_pass(spectrum, points);
    length = 2;
  }
  while (length < points) {
    const unsigned bits = sotto_magnitude_bits(*seen);
    const unsigned shift = bits > PASS_INPUT_BITS ? bits - PASS_INPUT_BITS : 0; /* 0 .. 3 */
    *seen = radix4_pass(spectrum, points, length, twiddles_q15, shift);
    twiddles_q15 += 3 * (length - 1);
    exponent -= (int)shift;
    length *= 4;
  }
  return exponent;
}
