/* Four channels, all positions of one strip: the inner loops of the depthwise kernel. */
#ifndef SOTTO_NN_MVE_DEPTHWISE_RUN_H
#define SOTTO_NN_MVE_DEPTHWISE_RUN_H

#include <stdint.h>

typedef struct depthwise_run {
  const int8_t *window;  /* the first window of the first channel */
  int32_t plane_bytes;   /* from a channel to the next */
  int32_t row_step;      /* from a window to that of the output row below */
  int32_t column_step;   /* from behind a column's last window to the next column's first */
  const int32_t *stream; /* see sotto_depthwise_mve_params */
  int8_t *output;
  int32_t output_row_step;
  int32_t output_column_step; /* from behind a column's last output to the next column's first */
  int32_t rows;               /* >= 1 */
  int32_t columns;            /* >= 1 */
  int32_t channels;           /* to write: 1 to 4 */
  int32_t ties_away;          /* round halves away from zero, else up */
  int32_t rounding_base;
  int32_t taps;           /* of a window of one vector */
  const uint8_t *tap_of;  /* [16], by the byte of the vector */
  int32_t bytes_with_tap; /* a bit for each byte of the vector */
  int32_t vectors;        /* of longer windows */
} depthwise_run;

/* The assembly reads the fields as words in this order. */
void sotto_depthwise_run_mve(const depthwise_run *run);      /* windows of one vector */
void sotto_depthwise_run_long_mve(const depthwise_run *run); /* of any number */

#endif
