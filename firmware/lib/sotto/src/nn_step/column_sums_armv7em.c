/* Four bytes of a row at a time, as two pairs of halfwords, for Armv7E-M. */
#include "column_sums.h"

#ifdef __ARM_FEATURE_DSP
#include "../nn_dsp/intrinsics.h"

/* The compiler makes one SMLABB or SMLATT of each. */
static inline int32_t low_product(uint32_t a, uint32_t b) {
  return (int16_t)a * (int16_t)b;
}

static inline int32_t high_product(uint32_t a, uint32_t b) {
  return ((int32_t)a >> 16) * ((int32_t)b >> 16);
}

void sotto_column_sums(const int8_t *first, int32_t step_bytes, const int8_t *weights, int32_t taps,
                       int32_t sums[COLUMN_CHANNELS]) {
  int32_t sum0 = 0;
  int32_t sum1 = 0;
  int32_t sum2 = 0;
  int32_t sum3 = 0;
  for (; taps > 0; --taps, first += step_bytes, weights += COLUMN_CHANNELS) {
    const uint32_t row = dsp_load(first);
    const uint32_t four = dsp_load(weights);
    const uint32_t even = dsp_sxtb16(row);
    const uint32_t odd = dsp_sxtb16_odd(row);
    const uint32_t even_weights = dsp_sxtb16(four);
    const uint32_t odd_weights = dsp_sxtb16_odd(four);
    sum0 += low_product(even, even_weights);
    sum1 += low_product(odd, odd_weights);
    sum2 += high_product(even, even_weights);
    sum3 += high_product(odd, odd_weights);
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}
#endif
