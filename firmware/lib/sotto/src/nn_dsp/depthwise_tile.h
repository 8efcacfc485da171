/* One channel, six columns, all output rows: the inner loops of the depthwise rows kernel. */
#ifndef SOTTO_NN_DSP_DEPTHWISE_TILE_H
#define SOTTO_NN_DSP_DEPTHWISE_TILE_H

#include <stdint.h>

#define DEPTHWISE_TILE_COLUMNS 6

typedef struct depthwise_tile {
  const uint32_t *row;       /* four pairs of 16-bit values: columns 0..7 of the first window row */
  int32_t row_step_bytes;    /* from an output row to the next */
  int32_t kernel_step_bytes; /* from a kernel row to the next */
  const int32_t *weights;    /* two words a kernel row, see sotto_depthwise_rows_dsp_params */
  const int32_t *weights_end;
  int32_t bias;
  int32_t multiplier;
  int32_t exponent_less_1;
  int32_t rounding;
  int8_t *output;
  int32_t output_row_bytes;
  int32_t output_column_bytes;
  int32_t columns; /* of six, how many to write: 1 or more */
  int32_t rows;    /* 1 or more */
} depthwise_tile;

/* Changes `tile`. The assembly reads the fields as words in this order. */
void sotto_depthwise_tile(depthwise_tile *tile);

#endif
