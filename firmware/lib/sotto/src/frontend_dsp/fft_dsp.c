/* fft.c with the DSP instructions. A packed word is one complex number, which they add and multiply
 * as it is. */
#include "../frontend/stages.h"

#if SOTTO_FRONTEND_DSP
#include "../dsp/instructions.h"
#include "radix4_pass.h"

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

static uint32_t radix4_pass(uint32_t *spectrum, size_t points, size_t length,
                            const uint32_t *twiddles_q15, unsigned shift) {
  const uint32_t *end = spectrum + points;
  if (shift == 1) {
    return sotto_radix4_pass_by_2(spectrum, end, length, twiddles_q15);
  }
  return shift == 2 ? sotto_radix4_pass_by_4(spectrum, end, length, twiddles_q15)
                    : sotto_radix4_pass_by_8(spectrum, end, length, twiddles_q15);
}

int sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles_q15, int exponent,
              uint32_t *seen) {
  *seen = first_pass(spectrum, points);
  for (size_t length = SOTTO_FIRST_PASS_POINTS(points); length < points; length *= 4) {
    const unsigned shift = sotto_pass_shift(*seen);
    *seen = radix4_pass(spectrum, points, length, twiddles_q15, shift);
    twiddles_q15 += 3 * (length - 1);
    exponent -= (int)shift;
  }
  return exponent;
}
#endif
