/* Byte by byte, for cores that load words from words only. */
#include "column_sums.h"

#ifndef __ARM_FEATURE_DSP

void sotto_column_sums(const int8_t *first, int32_t step_bytes, const int8_t *weights, int32_t taps,
                       int32_t sums[COLUMN_CHANNELS]) {
  int32_t sum0 = 0;
  int32_t sum1 = 0;
  int32_t sum2 = 0;
  int32_t sum3 = 0;
  for (; taps > 0; --taps, first += step_bytes, weights += COLUMN_CHANNELS) {
    sum0 += first[0] * weights[0];
    sum1 += first[1] * weights[1];
    sum2 += first[2] * weights[2];
    sum3 += first[3] * weights[3];
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}
#endif
