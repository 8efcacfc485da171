/* fft.c with the DSP instructions. A packed word is one complex number, which they add and multiply
 * as it is. */
#include "../frontend/stages.h"

#if SOTTO_FRONTEND_DSP
#include "../dsp/instructions.h"
#include "radix4_pass.h"

/* The first pass of an odd number of factors 2: pairs. In: |.| <= 2^13. Out: exact. */
static uint32_t first_radix2_pass(uint32_t *word, const uint32_t *end) {
  uint32_t seen = 0;
  for (; word < end; word += 2) {
    const uint32_t a = word[0];
    word[0] = dsp_sadd16(a, word[1]);
    word[1] = dsp_ssub16(a, word[1]);
    seen = sotto_seen(sotto_seen(seen, word[0]), word[1]);
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
  size_t length = SOTTO_FIRST_PASS_POINTS(points);
  *seen = length == 4 ? sotto_first_radix4_pass(spectrum, spectrum + points)
                      : first_radix2_pass(spectrum, spectrum + points);
  for (; length < points; length *= 4) {
    const unsigned shift = sotto_pass_shift(*seen);
    *seen = radix4_pass(spectrum, points, length, twiddles_q15, shift);
    twiddles_q15 += 3 * (length - 1);
    exponent -= (int)shift;
  }
  return exponent;
}
#endif
