#include "sotto/level.h"

#include "saturate.h"

#define Q8 8
#define Q15 15

void sotto_high_pass_reset(sotto_high_pass *filter) {
  filter->mean_q15 = 0;
}

int16_t sotto_high_pass_mean(const sotto_high_pass *filter) {
  /* |mean| <= 2^15 * 2^15, so rounding stays below 2^31 */
  return saturate((filter->mean_q15 + (1 << (Q15 - 1))) >> Q15);
}

void sotto_high_pass_run(sotto_high_pass *filter, int16_t *samples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const int32_t sample = samples[i];
    samples[i] = saturate(sample - sotto_high_pass_mean(filter));
    /* the mean is never outside the range of int16, so |difference| <= 65535 * 2^15 < 2^31 */
    const int32_t difference = sample * (1 << Q15) - filter->mean_q15;
    filter->mean_q15 += difference >> SOTTO_HIGH_PASS_SHIFT;
  }
}

size_t sotto_gain_run(int16_t *samples, size_t count, uint16_t gain_q8) {
  size_t at_limit = 0;
  for (size_t i = 0; i < count; i++) {
    /* |product| <= 2^15 * 65535 < 2^31 - 2^7 */
    samples[i] = saturate((samples[i] * (int32_t)gain_q8 + (1 << (Q8 - 1))) >> Q8);
    at_limit += samples[i] == INT16_MAX || samples[i] == INT16_MIN;
  }
  return at_limit;
}
