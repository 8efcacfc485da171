#include "stages.h"

#if !SOTTO_FRONTEND_DSP
#include "complex32.h"

/* What a butterfly takes and makes. */
typedef struct complex32_four {
  complex32 a, b, c, d;
} complex32_four;

static inline complex32 complex_add(complex32 a, complex32 b) {
  return (complex32){a.real + b.real, a.imaginary + b.imaginary};
}

static inline complex32 complex_subtract(complex32 a, complex32 b) {
  return (complex32){a.real - b.real, a.imaginary - b.imaginary};
}

/* Joins four transforms, whose residues in bit-reversed order are 0, 2, 1, 3. */
static inline complex32_four radix4_butterfly(complex32_four x) {
  const complex32 ab_sum = complex_add(x.a, x.b);
  const complex32 ab_difference = complex_subtract(x.a, x.b);
  const complex32 cd_sum = complex_add(x.c, x.d);
  const complex32 cd_difference = complex_subtract(x.c, x.d);
  const complex32 turned = {cd_difference.imaginary, -cd_difference.real}; /* -i (c - d) */
  return (complex32_four){complex_add(ab_sum, cd_sum), complex_add(ab_difference, turned),
                          complex_subtract(ab_sum, cd_sum),
                          complex_subtract(ab_difference, turned)};
}

/* Joins two pairs of points. */
static inline complex32_four two_radix2_butterflies(complex32_four x) {
  return (complex32_four){complex_add(x.a, x.b), complex_subtract(x.a, x.b), complex_add(x.c, x.d),
                          complex_subtract(x.c, x.d)};
}

/* Stores a sum without its fraction and notes its magnitude. */
static inline uint32_t store(uint32_t *word, complex32 sum, unsigned fraction_bits, uint32_t seen) {
  *word = sotto_pack(sum.real >> fraction_bits, sum.imaginary >> fraction_bits);
  return sotto_seen(seen, *word);
}

/* Stores the sums of a butterfly `length` words apart. */
static inline uint32_t store_four(uint32_t *word, size_t length, complex32_four sums,
                                  unsigned fraction_bits, uint32_t seen) {
  seen = store(&word[0], sums.a, fraction_bits, seen);
  seen = store(&word[length], sums.b, fraction_bits, seen);
  seen = store(&word[2 * length], sums.c, fraction_bits, seen);
  return store(&word[3 * length], sums.d, fraction_bits, seen);
}

/* Joins neighbours, four or two, exactly. In: |.| <= 2^13. Out: |.| < 2^15. Returns `seen`. */
static uint32_t first_pass(uint32_t *spectrum, size_t points) {
  const int radix4 = SOTTO_FIRST_PASS_POINTS(points) == 4;
  uint32_t seen = 0;
  for (uint32_t *word = spectrum; word < spectrum + points; word += 4) {
    const complex32_four x = {sotto_unpack(&word[0]), sotto_unpack(&word[1]),
                              sotto_unpack(&word[2]), sotto_unpack(&word[3])};
    seen = store_four(word, 1, radix4 ? radix4_butterfly(x) : two_radix2_butterflies(x), 0, seen);
  }
  return seen;
}

/* x / 2^shift in units of 2^-SOTTO_SUM_BITS. int16 shifted by at most 15 bits. */
static inline complex32 scaled(const uint32_t *word, unsigned shift) {
  const complex32 x = sotto_unpack(word);
  const int32_t factor = INT32_C(1) << (SOTTO_SUM_BITS - shift);
  return (complex32){x.real * factor, x.imaginary * factor};
}

/* The same plus half a unit of the result. Each sum of a butterfly has this term once, so that
 * dropping the fraction of the sums rounds them. */
static inline complex32 scaled_for_rounding(const uint32_t *word, unsigned shift) {
  return complex_add(scaled(word, shift), (complex32){SOTTO_SUM_HALF, SOTTO_SUM_HALF});
}

/* x twiddle / 2^shift in units of 2^-SOTTO_SUM_BITS. int16 * Q15: |x| |twiddle| <= 2^15.5 * 2^15 =
 * 2^30.5 in Q15, which is one bit short of SOTTO_SUM_BITS: shift - 1 remains. Truncated at 2^-16.
 */
static inline complex32 rotated(const uint32_t *word, const uint32_t *twiddle_q15, unsigned shift) {
  const complex32 x = sotto_unpack(word);
  const complex32 w = sotto_unpack(twiddle_q15);
  const int32_t real = x.real * w.real - x.imaginary * w.imaginary;
  const int32_t imaginary = x.real * w.imaginary + x.imaginary * w.real;
  return (complex32){real >> (shift - 1), imaginary >> (shift - 1)};
}

/* The butterfly k = 0, without twiddles: one of exactly 1 does not fit in Q15. */
static inline uint32_t join_plain(uint32_t *word, size_t length, unsigned shift, uint32_t seen) {
  const complex32_four x = {scaled_for_rounding(&word[0], shift), scaled(&word[length], shift),
                            scaled(&word[2 * length], shift), scaled(&word[3 * length], shift)};
  return store_four(word, length, radix4_butterfly(x), SOTTO_SUM_BITS, seen);
}

/* Transforms of `length` points become transforms of 4 length points, divided by 2^shift, 1 .. 3.
 * In: |.| <= 2^(12 + shift). Sums: below 5.25 * 2^(12 + 16) + 2^15 < 2^31. Returns `seen`. */
static uint32_t radix4_pass(uint32_t *word, const uint32_t *points_end, size_t length,
                            const uint32_t *twiddles_q15, unsigned shift) {
  uint32_t seen = 0;
  do {
    seen = join_plain(word, length, shift, seen);
    const uint32_t *twiddle = twiddles_q15;
    for (const uint32_t *end = word++ + length; word < end; ++word, twiddle += 3) {
      const complex32_four x = {scaled_for_rounding(&word[0], shift),
                                rotated(&word[length], &twiddle[0], shift),
                                rotated(&word[2 * length], &twiddle[1], shift),
                                rotated(&word[3 * length], &twiddle[2], shift)};
      seen = store_four(word, length, radix4_butterfly(x), SOTTO_SUM_BITS, seen);
    }
    word += 3 * length;
  } while (word < points_end);
  return seen;
}

int sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles_q15, int exponent,
              uint32_t *seen) {
  *seen = first_pass(spectrum, points);
  for (size_t length = SOTTO_FIRST_PASS_POINTS(points); length < points; length *= 4) {
    const unsigned shift = sotto_pass_shift(*seen);
    *seen = radix4_pass(spectrum, spectrum + points, length, twiddles_q15, shift);
    twiddles_q15 += 3 * (length - 1);
    exponent -= (int)shift;
  }
  return exponent;
}
#endif
