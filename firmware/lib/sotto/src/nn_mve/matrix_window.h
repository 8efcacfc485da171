/* One window times all output channels: the inner loops of the matrix kernel where windows do not
 * come in pairs. */
#ifndef SOTTO_NN_MVE_MATRIX_WINDOW_H
#define SOTTO_NN_MVE_MATRIX_WINDOW_H

#include <stdint.h>

typedef struct matrix_window {
  const int8_t *window;  /* 16 * vectors bytes, 16 more where there is a tail, 0 behind it */
  const int32_t *stream; /* see sotto_matrix_mve_params */
  int8_t *output;
  int32_t ties_away; /* round halves away from zero, else up */
  int32_t vectors;   /* >= 1 */
  int32_t channels;  /* >= 1 */
  int32_t rounding_base;
  int32_t tail_bytes; /* 0 .. 15 */
} matrix_window;

/* The assembly reads the fields as words in this order. */
void sotto_matrix_window_mve(const matrix_window *window);

#endif
