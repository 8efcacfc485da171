/* fft.c with the DSP instructions. A packed word is one complex number, which they multiply as it
 * is; sums of 32 bits are exact there and here, whatever their order. */
#include "../frontend/stages.h"

#if SOTTO_FRONTEND_DSP
#include "../dsp/instructions.h"

typedef struct complex32 {
  int32_t real;
  int32_t imaginary;
} complex32;

/* The first pass joins neighbours, four or two, and only adds. In: |.| <= 2^13. Out: |.| < 2^15. */
static uint32_t first_pass(uint32_t *spectrum, size_t points) {
  const int radix4 = SOTTO_FIRST_PASS_POINTS(points) == 4;
  uint32_t seen = 0;
  for (uint32_t *word = spectrum; word < spectrum + points; word += 4) {
    const uint32_t ab_sum = dsp_sadd16(word[0], word[1]);
    const uint32_t ab_difference = dsp_ssub16(word[0], word[1]);
    const uint32_t cd_sum = dsp_sadd16(word[2], word[3]);
    const uint32_t cd_difference = dsp_ssub16(word[2], word[3]);
    word[0] = radix4 ? dsp_sadd16(ab_sum, cd_sum) : ab_sum;
    word[1] = radix4 ? dsp_ssax(ab_difference, cd_difference) : ab_difference;
    word[2] = radix4 ? dsp_ssub16(ab_sum, cd_sum) : cd_sum;
    word[3] = radix4 ? dsp_sasx(ab_difference, cd_difference) : cd_difference;
    seen = sotto_seen(sotto_seen(seen, word[0]), word[1]);
    seen = sotto_seen(sotto_seen(seen, word[2]), word[3]);
  }
  return seen;
}

/* 2 a - b, modulo 2^32. */
static inline int32_t twice_less(int32_t a, int32_t b) {
  return (int32_t)(2U * (uint32_t)a - (uint32_t)b);
}

/* a - b, where `sum` is a + b. */
static inline complex32 difference(complex32 a, complex32 sum) {
  return (complex32){twice_less(a.real, sum.real), twice_less(a.imaginary, sum.imaginary)};
}

/* sum + x / 2^shift in units of 2^-SOTTO_SUM_BITS. `factor`: -2^(SOTTO_SUM_BITS - shift) in the
 * high lane, 0 in the low one, for 2^15 would not fit. */
static inline complex32 add_scaled(uint32_t x, uint32_t factor, complex32 sum) {
  return (complex32){dsp_smlsdx(factor, x, sum.real), dsp_smlsd(x, factor, sum.imaginary)};
}

/* sum + x twiddle / 2, in units of 2^-SOTTO_SUM_BITS. */
static inline complex32 add_rotated(uint32_t x, uint32_t twiddle_q15, complex32 sum) {
  return (complex32){dsp_smlsd(x, twiddle_q15, sum.real),
                     dsp_smladx(x, twiddle_q15, sum.imaginary)};
}

static inline uint32_t store(uint32_t *word, int32_t real, int32_t imaginary, uint32_t seen) {
  *word = dsp_high_halves((uint32_t)real, (uint32_t)imaginary);
  return sotto_seen(seen, *word);
}

/* Second half of a butterfly: words 0 .. 3 from a + b and a - b, c + d and c - d. */
static inline uint32_t join(uint32_t *word, size_t length, complex32 ab_sum,
                            complex32 ab_difference, complex32 cd_sum, complex32 cd_difference,
                            uint32_t seen) {
  seen = store(&word[0], ab_sum.real + cd_sum.real, ab_sum.imaginary + cd_sum.imaginary, seen);
  seen = store(&word[length], ab_difference.real + cd_difference.imaginary,
               ab_difference.imaginary - cd_difference.real, seen);
  seen = store(&word[2 * length], ab_sum.real - cd_sum.real, ab_sum.imaginary - cd_sum.imaginary,
               seen);
  return store(&word[3 * length], ab_difference.real - cd_difference.imaginary,
               ab_difference.imaginary + cd_difference.real, seen);
}

static const complex32 nothing = {0, 0};
static const complex32 half = {SOTTO_SUM_HALF, SOTTO_SUM_HALF};

/* The butterflies k = 0, without twiddles. */
static uint32_t join_plain(uint32_t *spectrum, size_t points, size_t length, uint32_t factor) {
  uint32_t seen = 0;
  for (uint32_t *word = spectrum; word < spectrum + points; word += 4 * length) {
    const complex32 a = add_scaled(word[0], factor, half);
    const complex32 ab_sum = add_scaled(word[length], factor, a);
    const complex32 c = add_scaled(word[2 * length], factor, nothing);
    const complex32 cd_sum = add_scaled(word[3 * length], factor, c);
    seen = join(word, length, ab_sum, difference(a, ab_sum), cd_sum, difference(c, cd_sum), seen);
  }
  return seen;
}

/* The other butterflies of a pass divided by 2: products come in the unit of the sums. */
static uint32_t join_halved(uint32_t *spectrum, size_t points, size_t length,
                            const uint32_t *twiddles_q15, uint32_t factor, uint32_t seen) {
  for (size_t k = 1; k < length; ++k, twiddles_q15 += 3) {
    for (uint32_t *word = spectrum + k; word < spectrum + points; word += 4 * length) {
      const complex32 c = add_rotated(word[2 * length], twiddles_q15[1], nothing);
      const complex32 cd_sum = add_rotated(word[3 * length], twiddles_q15[2], c);
      const complex32 cd_difference = difference(c, cd_sum);
      const complex32 a = add_scaled(word[0], factor, half);
      const complex32 ab_sum = add_rotated(word[length], twiddles_q15[0], a);
      seen = join(word, length, ab_sum, difference(a, ab_sum), cd_sum, cd_difference, seen);
    }
  }
  return seen;
}

static inline complex32 rotated(uint32_t x, uint32_t twiddle_q15, unsigned shift) {
  return (complex32){dsp_smusd(x, twiddle_q15) >> (shift - 1),
                     dsp_smuadx(x, twiddle_q15) >> (shift - 1)};
}

/* The same of a pass divided by more: each product is truncated before it is added. */
static uint32_t join_shifted(uint32_t *spectrum, size_t points, size_t length,
                             const uint32_t *twiddles_q15, uint32_t factor, unsigned shift,
                             uint32_t seen) {
  for (size_t k = 1; k < length; ++k, twiddles_q15 += 3) {
    for (uint32_t *word = spectrum + k; word < spectrum + points; word += 4 * length) {
      const complex32 c = rotated(word[2 * length], twiddles_q15[1], shift);
      const complex32 d = rotated(word[3 * length], twiddles_q15[2], shift);
      const complex32 cd_sum = {c.real + d.real, c.imaginary + d.imaginary};
      const complex32 a = add_scaled(word[0], factor, half);
      const complex32 b = rotated(word[length], twiddles_q15[0], shift);
      const complex32 ab_sum = {a.real + b.real, a.imaginary + b.imaginary};
      seen = join(word, length, ab_sum, difference(a, ab_sum), cd_sum, difference(c, cd_sum), seen);
    }
  }
  return seen;
}

int sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles_q15, int exponent,
              uint32_t *seen) {
  *seen = first_pass(spectrum, points);
  for (size_t length = SOTTO_FIRST_PASS_POINTS(points); length < points; length *= 4) {
    const unsigned shift = sotto_pass_shift(*seen);
    const uint32_t factor = UINT32_MAX << (2 * SOTTO_SUM_BITS - shift); /* shifted by 29 .. 31 */
    const uint32_t plain = join_plain(spectrum, points, length, factor);
    *seen = shift == 1 ? join_halved(spectrum, points, length, twiddles_q15, factor, plain)
                       : join_shifted(spectrum, points, length, twiddles_q15, factor, shift, plain);
    twiddles_q15 += 3 * (length - 1);
    exponent -= (int)shift;
  }
  return exponent;
}
#endif
