/* The radix-4 passes in C: what radix4_pass_armv7em.c computes, step by step. */
#include "radix4_pass.h"

#if SOTTO_FRONTEND_DSP && !defined(__ARM_FEATURE_DSP)
#include "../dsp/instructions.h"

uint32_t sotto_first_radix4_pass(uint32_t *word, const uint32_t *end) {
  uint32_t seen = 0;
  for (; word < end; word += 4) {
    const uint32_t ab_sum = dsp_sadd16(word[0], word[1]);
    const uint32_t ab_difference = dsp_ssub16(word[0], word[1]);
    const uint32_t cd_sum = dsp_sadd16(word[2], word[3]);
    const uint32_t cd_difference = dsp_ssub16(word[2], word[3]);
    word[0] = dsp_sadd16(ab_sum, cd_sum);
    word[1] = dsp_ssax(ab_difference, cd_difference);
    word[2] = dsp_ssub16(ab_sum, cd_sum);
    word[3] = dsp_sasx(ab_difference, cd_difference);
    seen = sotto_seen(sotto_seen(seen, word[0]), word[1]);
    seen = sotto_seen(sotto_seen(seen, word[2]), word[3]);
  }
  return seen;
}

typedef struct complex32 {
  int32_t real;
  int32_t imaginary;
} complex32;

static inline complex32 add(complex32 a, complex32 b) {
  return (complex32){a.real + b.real, a.imaginary + b.imaginary};
}

static inline complex32 subtract(complex32 a, complex32 b) {
  return (complex32){a.real - b.real, a.imaginary - b.imaginary};
}

/* sum + x / 2^shift in units of 2^-SOTTO_SUM_BITS. `factor`: -2^(SOTTO_SUM_BITS - shift) in the
 * high lane, 0 in the low one, for 2^15 would not fit. */
static inline complex32 scaled(uint32_t x, uint32_t factor, int32_t sum) {
  return (complex32){dsp_smlsdx(factor, x, sum), dsp_smlsd(x, factor, sum)};
}

/* x twiddle / 2^shift in units of 2^-SOTTO_SUM_BITS, truncated. */
static inline complex32 rotated(uint32_t x, uint32_t twiddle_q15, unsigned shift) {
  return (complex32){dsp_smusd(x, twiddle_q15) >> (shift - 1),
                     dsp_smuadx(x, twiddle_q15) >> (shift - 1)};
}

static inline uint32_t store(uint32_t *word, int32_t real, int32_t imaginary, uint32_t seen) {
  *word = dsp_high_halves((uint32_t)real, (uint32_t)imaginary);
  return sotto_seen(seen, *word);
}

/* The four sums, without their fractions: `a` has half a unit that rounds them. */
static uint32_t join(uint32_t *word, size_t length, complex32 a, complex32 b, complex32 c,
                     complex32 d, uint32_t seen) {
  const complex32 ab_sum = add(a, b);
  const complex32 ab_difference = subtract(a, b);
  const complex32 cd_sum = add(c, d);
  const complex32 cd_difference = subtract(c, d);
  seen = store(&word[0], ab_sum.real + cd_sum.real, ab_sum.imaginary + cd_sum.imaginary, seen);
  seen = store(&word[length], ab_difference.real + cd_difference.imaginary,
               ab_difference.imaginary - cd_difference.real, seen);
  seen = store(&word[2 * length], ab_sum.real - cd_sum.real, ab_sum.imaginary - cd_sum.imaginary,
               seen);
  return store(&word[3 * length], ab_difference.real - cd_difference.imaginary,
               ab_difference.imaginary + cd_difference.real, seen);
}

static uint32_t pass(uint32_t *word, const uint32_t *points_end, size_t length,
                     const uint32_t *twiddles_q15, unsigned shift) {
  const uint32_t factor = UINT32_MAX << (2 * SOTTO_SUM_BITS - shift);
  uint32_t seen = 0;
  for (; word < points_end; word += 3 * length) {
    seen =
        join(word, length, scaled(word[0], factor, SOTTO_SUM_HALF), scaled(word[length], factor, 0),
             scaled(word[2 * length], factor, 0), scaled(word[3 * length], factor, 0), seen);
    const uint32_t *twiddle = twiddles_q15;
    for (const uint32_t *end = word++ + length; word < end; ++word, twiddle += 3) {
      seen = join(word, length, scaled(word[0], factor, SOTTO_SUM_HALF),
                  rotated(word[length], twiddle[0], shift),
                  rotated(word[2 * length], twiddle[1], shift),
                  rotated(word[3 * length], twiddle[2], shift), seen);
    }
  }
  return seen;
}

uint32_t sotto_radix4_pass_by_2(uint32_t *word, const uint32_t *end, size_t length,
                                const uint32_t *twiddles_q15) {
  return pass(word, end, length, twiddles_q15, 1);
}

uint32_t sotto_radix4_pass_by_4(uint32_t *word, const uint32_t *end, size_t length,
                                const uint32_t *twiddles_q15) {
  return pass(word, end, length, twiddles_q15, 2);
}

uint32_t sotto_radix4_pass_by_8(uint32_t *word, const uint32_t *end, size_t length,
                                const uint32_t *twiddles_q15) {
  return pass(word, end, length, twiddles_q15, 3);
}
#endif
