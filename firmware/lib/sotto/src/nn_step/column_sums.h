/* The depthwise column's inner loop. */
#ifndef SOTTO_NN_STEP_COLUMN_SUMS_H
#define SOTTO_NN_STEP_COLUMN_SUMS_H

#include <stdint.h>

#define COLUMN_CHANNELS 4

/* sums[c] = sum over taps of first[tap * step_bytes + c] * weights[tap * 4 + c]. */
void sotto_column_sums(const int8_t *first, int32_t step_bytes, const int8_t *weights, int32_t taps,
                       int32_t sums[COLUMN_CHANNELS]);

#endif
