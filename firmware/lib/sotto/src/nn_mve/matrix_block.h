/* Two windows times all output channels: the inner loops of the matrix kernel. */
#ifndef SOTTO_NN_MVE_MATRIX_BLOCK_H
#define SOTTO_NN_MVE_MATRIX_BLOCK_H

#include <stdint.h>

#define MATRIX_BLOCK_WINDOWS 2

typedef struct matrix_block {
  /* 16 * vectors bytes each, 16 more where there is a tail, 0 behind it */
  const int8_t *windows[MATRIX_BLOCK_WINDOWS];
  int8_t *outputs[MATRIX_BLOCK_WINDOWS];
  const int32_t *stream; /* see sotto_matrix_mve_params */
  int32_t vectors;       /* >= 1 */
  int32_t tail_bytes;    /* 0 .. 15 */
  int32_t quads;         /* fours of channels, >= 1 */
  int32_t ties_away;     /* round halves away from zero, else up */
  int32_t rounding_base;
} matrix_block;

/* The assembly reads the fields as ten words in this order. */
void sotto_matrix_block_mve(const matrix_block *block);

#endif
