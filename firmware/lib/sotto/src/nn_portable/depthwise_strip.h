/* One channel, five columns, all output rows: the inner loops of the depthwise strips kernel. */
#ifndef SOTTO_NN_PORTABLE_DEPTHWISE_STRIP_H
#define SOTTO_NN_PORTABLE_DEPTHWISE_STRIP_H

#include <stdint.h>

#include "requantise.h"

#define DEPTHWISE_STRIP_OUTPUTS 5
#define DEPTHWISE_KERNEL_COLUMNS 3

/* The assembly reads the fields as twelve words in this order. */
typedef struct depthwise_strip {
  const int32_t *row;     /* SOTTO_DEPTHWISE_STRIP_COLUMNS words a row */
  const int32_t *weights; /* [kernel_height][3] */
  int32_t kernel_height;  /* 2 or more */
  int32_t back_words; /* from behind a window's last row to the first one of the window below it */
  int32_t constants[REQUANTISATION_CONSTANTS];
  portable_requantisation how;
  int8_t *output;
  int32_t channels; /* bytes from a column of the output to the next */
  int32_t output_row_bytes;
  int32_t rows; /* 1 or more */
} depthwise_strip;

/* For a horizontal stride of 1 and of 2. Both change `strip`. */
void sotto_depthwise_strip_stride1(depthwise_strip *strip);
void sotto_depthwise_strip_stride2(depthwise_strip *strip);

#endif
