/* Four channels, all positions of one strip: the inner loops of the depthwise kernel. */
#ifndef SOTTO_NN_MVE_DEPTHWISE_RUN_H
#define SOTTO_NN_MVE_DEPTHWISE_RUN_H

#include <stdint.h>

typedef struct depthwise_run {
  const int8_t *window;  /* the first window of the first channel */
  int32_t plane_bytes;   /* from a channel to the next */
  int32_t row_step;      /* from a window to that of the output row below */
  int32_t column_step;   /* from the last window of a column to the first of the next column */
  const int32_t *stream; /* see sotto_depthwise_mve_params */
  int8_t *output;
  int32_t output_row_step;
  int32_t output_column_step; /* from the last output of a column to the first of the next */
  int32_t rows;               /* >= 1 */
  int32_t columns;            /* >= 1 */
  int32_t lanes;              /* channels to write: 1 to 4 */
  int32_t vectors;            /* 16 bytes of a window: exactly 1 where a name says so */
  int32_t ties_away;          /* round halves away from zero, else up */
} depthwise_run;

/* The assembly reads the fields as words at these offsets. */
void sotto_depthwise_run_mve(const depthwise_run *run);      /* one vector a window */
void sotto_depthwise_run_long_mve(const depthwise_run *run); /* any number */

#endif
