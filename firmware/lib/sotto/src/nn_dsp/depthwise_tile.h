/* One channel, six columns, all output rows: the inner loops of the depthwise rows kernel. */
#ifndef SOTTO_NN_DSP_DEPTHWISE_TILE_H
#define SOTTO_NN_DSP_DEPTHWISE_TILE_H

#include <stdint.h>

#define DEPTHWISE_TILE_COLUMNS 6

typedef struct depthwise_tile {
  const uint32_t *row;       /* pairs of 16-bit values from the first window's first tap on */
  int32_t row_step_bytes;    /* from an output row to the next */
  int32_t kernel_step_bytes; /* from a kernel row to the next */
  const int32_t *weights;    /* of a kernel row: lanes 256 * (w0, w1), 256 * (w1, w2) */
  const int32_t *weights_end;
  int32_t bias;
  int32_t multiplier; /* or factor, see sotto/nn_dsp.h */
  int32_t exponent_less_1;
  int32_t rounding;
  int8_t *output;
  int32_t output_row_bytes;
  int32_t output_column_bytes;
  int32_t columns; /* of six, how many to write: 1 or more */
  int32_t rows;    /* 1 or more */
} depthwise_tile;

typedef void depthwise_tile_kernel(depthwise_tile *tile);

/* For a horizontal stride of 1, where six columns read four pairs, and of 2, where they read seven;
 * with fitted and with exact requantisation. All change `tile`. The assembly reads the fields as
 * words in this order. */
depthwise_tile_kernel sotto_depthwise_tile_stride1;
depthwise_tile_kernel sotto_depthwise_tile_stride2;
depthwise_tile_kernel sotto_depthwise_tile_stride1_exact;
depthwise_tile_kernel sotto_depthwise_tile_stride2_exact;

/* As the first, for kernels of three and of five rows. They read the bias and the factor from the
 * third and the second word before the weights. */
depthwise_tile_kernel sotto_depthwise_tile_3_rows;
depthwise_tile_kernel sotto_depthwise_tile_5_rows;

#endif
