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

/* -2^(SOTTO_SUM_BITS - shift) in the high lane, 0 in the low one; 2^15 would not fit. */
static inline uint32_t pass_factor(unsigned shift) {
  return UINT32_MAX << (2 * SOTTO_SUM_BITS - shift);
}

/* sum + x / 2^shift in units of 2^-SOTTO_SUM_BITS. */
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

/* half a unit of the result + x / 2^shift: each sum of a butterfly has this term once, so that
 * dropping the fraction of the sums rounds them. */
static inline complex32 scaled_for_rounding(uint32_t x, uint32_t factor) {
  return add_scaled(x, factor, (complex32){SOTTO_SUM_HALF, SOTTO_SUM_HALF});
}

/* The butterfly k = 0, without twiddles. */
static inline uint32_t join_plain(uint32_t *word, size_t length, uint32_t factor, uint32_t seen) {
  const complex32 a = scaled_for_rounding(word[0], factor);
  const complex32 ab_sum = add_scaled(word[length], factor, a);
  const complex32 c = add_scaled(word[2 * length], factor, (complex32){0, 0});
  const complex32 cd_sum = add_scaled(word[3 * length], factor, c);
  return join(word, length, ab_sum, difference(a, ab_sum), cd_sum, difference(c, cd_sum), seen);
}

static inline complex32 rotated(uint32_t x, uint32_t twiddle_q15) {
  return (complex32){dsp_smusd(x, twiddle_q15), dsp_smuadx(x, twiddle_q15)};
}

/* A pass divided by 2: products come in the unit of the sums, which collect them. */
static uint32_t halved_pass(uint32_t *word, const uint32_t *points_end, size_t length,
                            const uint32_t *twiddles_q15) {
  const uint32_t factor = pass_factor(1);
  uint32_t seen = 0;
  do {
    seen = join_plain(word, length, factor, seen);
    const uint32_t *twiddle = twiddles_q15;
    for (const uint32_t *end = word++ + length; word < end; ++word, twiddle += 3) {
      const complex32 a = scaled_for_rounding(word[0], factor);
      const complex32 ab_sum = add_rotated(word[length], twiddle[0], a);
      const complex32 ab_difference = difference(a, ab_sum);
      const complex32 c = rotated(word[2 * length], twiddle[1]);
      const complex32 cd_sum = add_rotated(word[3 * length], twiddle[2], c);
      seen = join(word, length, ab_sum, ab_difference, cd_sum, difference(c, cd_sum), seen);
    }
    word += 3 * length;
  } while (word < points_end);
  return seen;
}

static inline complex32 shifted(complex32 x, unsigned shift) {
  return (complex32){x.real >> shift, x.imaginary >> shift};
}

/* A pass divided by 2^shift, 2 or 3: each product is truncated before it is added. */
static uint32_t shifted_pass(uint32_t *word, const uint32_t *points_end, size_t length,
                             const uint32_t *twiddles_q15, unsigned shift) {
  const uint32_t factor = pass_factor(shift);
  uint32_t seen = 0;
  do {
    seen = join_plain(word, length, factor, seen);
    const uint32_t *twiddle = twiddles_q15;
    for (const uint32_t *end = word++ + length; word < end; ++word, twiddle += 3) {
      const complex32 a = scaled_for_rounding(word[0], factor);
      const complex32 b = shifted(rotated(word[length], twiddle[0]), shift - 1);
      const complex32 ab_sum = {a.real + b.real, a.imaginary + b.imaginary};
      const complex32 ab_difference = difference(a, ab_sum);
      const complex32 c = shifted(rotated(word[2 * length], twiddle[1]), shift - 1);
      const complex32 d = shifted(rotated(word[3 * length], twiddle[2]), shift - 1);
      const complex32 cd_sum = {c.real + d.real, c.imaginary + d.imaginary};
      seen = join(word, length, ab_sum, ab_difference, cd_sum, difference(c, cd_sum), seen);
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
    *seen = shift == 1 ? halved_pass(spectrum, spectrum + points, length, twiddles_q15)
                       : shifted_pass(spectrum, spectrum + points, length, twiddles_q15, shift);
    twiddles_q15 += 3 * (length - 1);
    exponent -= (int)shift;
  }
  return exponent;
}
#endif
