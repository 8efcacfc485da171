#include "stages.h"

/* A radix-4 pass multiplies a component by at most 1 + 3 sqrt(2) < 5.25. With 12 bits left after
 * its shift it gives less than 5.25 * 2^12 + 1 < 2^15. */
#define PASS_INPUT_BITS 12

/* The sums of a pass are kept in units of 2^-SUM_BITS and rounded once. */
#define SUM_BITS 16

typedef struct complex32 {
  int32_t real;
  int32_t imaginary;
} complex32;

unsigned sotto_magnitude_bits(uint32_t seen) {
  const uint32_t both = (seen | (seen >> 16)) & 0xFFFFU;
  return both != 0 ? (unsigned)sotto_floor_log2(both) : 0;
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

static inline complex32 unpack(uint32_t packed) {
  return (complex32){sotto_real(packed), sotto_imaginary(packed)};
}

static inline complex32 add(complex32 a, complex32 b) {
  return (complex32){a.real + b.real, a.imaginary + b.imaginary};
}

static inline complex32 subtract(complex32 a, complex32 b) {
  return (complex32){a.real - b.real, a.imaginary - b.imaginary};
}

/* Rounds `sum` from units of 2^-fraction_bits, stores it and notes its magnitude. */
static inline uint32_t store(uint32_t *word, complex32 sum, unsigned fraction_bits, uint32_t seen) {
  *word = sotto_pack(sotto_round_shift(sum.real, fraction_bits),
                     sotto_round_shift(sum.imaginary, fraction_bits));
  return sotto_seen(seen, *word);
}

/* Joins four transforms, whose residues in bit-reversed order are 0 (a), 2 (b), 1 (c), 3 (d), into
 * words 0, length, 2 length and 3 length. */
static inline uint32_t butterfly(uint32_t *word, size_t length, complex32 a, complex32 b,
                                 complex32 c, complex32 d, unsigned fraction_bits, uint32_t seen) {
  const complex32 ab_sum = add(a, b);
  const complex32 ab_difference = subtract(a, b);
  const complex32 cd_sum = add(c, d);
  const complex32 cd_difference = subtract(c, d);
  const complex32 turned = {cd_difference.imaginary, -cd_difference.real}; /* -i (c - d) */
  seen = store(&word[0], add(ab_sum, cd_sum), fraction_bits, seen);
  seen = store(&word[length], add(ab_difference, turned), fraction_bits, seen);
  seen = store(&word[2 * length], subtract(ab_sum, cd_sum), fraction_bits, seen);
  return store(&word[3 * length], subtract(ab_difference, turned), fraction_bits, seen);
}

/* First pass of an odd number of factors 2: pairs. In: |.| <= 2^13. Out: exact, |.| <= 2^14. */
static uint32_t first_radix2_pass(uint32_t *spectrum, size_t points) {
  uint32_t seen = 0;
  for (size_t i = 0; i < points; i += 2) {
    const complex32 a = unpack(spectrum[i]);
    const complex32 b = unpack(spectrum[i + 1]);
    seen = store(&spectrum[i], add(a, b), 0, seen);
    seen = store(&spectrum[i + 1], subtract(a, b), 0, seen);
  }
  return seen;
}

/* First pass otherwise: fours. In: |.| <= 2^13. It adds windowed samples a quarter of the FFT
 * apart, and four such window values sum to less than 3.9 (2 for a Hann window).
 * Out: exact, |.| < 2^15. */
static uint32_t first_radix4_pass(uint32_t *spectrum, size_t points) {
  uint32_t seen = 0;
  for (size_t i = 0; i < points; i += 4) {
    uint32_t *word = &spectrum[i];
    seen = butterfly(word, 1, unpack(word[0]), unpack(word[1]), unpack(word[2]), unpack(word[3]), 0,
                     seen);
  }
  return seen;
}

/* x / 2^shift in units of 2^-SUM_BITS. int16 shifted by at most 15 bits. */
static inline complex32 scaled(uint32_t x, unsigned shift) {
  const int32_t factor = INT32_C(1) << (SUM_BITS - shift);
  return (complex32){sotto_real(x) * factor, sotto_imaginary(x) * factor};
}

/* x twiddle / 2^shift in units of 2^-SUM_BITS. int16 * Q15: |x| |twiddle| <= 2^15.5 * 2^15 = 2^30.5
 * in Q15, which is one bit short of SUM_BITS: shift - 1 remains. Truncated at 2^-16. */
static inline complex32 rotated(uint32_t x, uint32_t twiddle_q15, unsigned shift) {
  const complex32 v = unpack(x);
  const complex32 w = unpack(twiddle_q15);
  const int32_t real = v.real * w.real - v.imaginary * w.imaginary;
  const int32_t imaginary = v.real * w.imaginary + v.imaginary * w.real;
  return (complex32){real >> (shift - 1), imaginary >> (shift - 1)};
}

/* Transforms of `length` points become transforms of 4 length points, divided by 2^shift, 1 .. 3.
 * In: |.| <= 2^(12 + shift). Sums: below 5.25 * 2^(12 + SUM_BITS) < 2^31. Out: |.| < 2^15. */
static uint32_t radix4_pass(uint32_t *spectrum, size_t points, size_t length,
                            const uint32_t *twiddles_q15, unsigned shift) {
  uint32_t seen = 0;
  for (size_t start = 0; start < points; start += 4 * length) {
    uint32_t *word = &spectrum[start]; /* a twiddle of exactly 1 does not fit in Q15 */
    seen =
        butterfly(word, length, scaled(word[0], shift), scaled(word[length], shift),
                  scaled(word[2 * length], shift), scaled(word[3 * length], shift), SUM_BITS, seen);
  }
  for (size_t k = 1; k < length; ++k, twiddles_q15 += 3) {
    for (size_t start = k; start < points; start += 4 * length) {
      uint32_t *word = &spectrum[start];
      seen = butterfly(word, length, scaled(word[0], shift),
                       rotated(word[length], twiddles_q15[0], shift),
                       rotated(word[2 * length], twiddles_q15[1], shift),
                       rotated(word[3 * length], twiddles_q15[2], shift), SUM_BITS, seen);
    }
  }
  return seen;
}

int sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles_q15, int exponent,
              uint32_t *seen) {
  reverse_bits(spectrum, points);
  size_t length = SOTTO_FIRST_PASS_POINTS(points);
  *seen = length == 4 ? first_radix4_pass(spectrum, points) : first_radix2_pass(spectrum, points);
  while (length < points) {
    const unsigned bits = sotto_magnitude_bits(*seen);
    const unsigned shift = bits > PASS_INPUT_BITS ? bits - PASS_INPUT_BITS : 1; /* 1 .. 3 */
    *seen = radix4_pass(spectrum, points, length, twiddles_q15, shift);
    twiddles_q15 += 3 * (length - 1);
    exponent -= (int)shift;
    length *= 4;
  }
  return exponent;
}
