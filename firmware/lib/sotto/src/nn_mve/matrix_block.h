/* Two windows times all output channels: the inner loops of the matrix kernel. */
#ifndef SOTTO_NN_MVE_MATRIX_BLOCK_H
#define SOTTO_NN_MVE_MATRIX_BLOCK_H

#include <stdint.h>

#define MATRIX_BLOCK_WINDOWS 2

typedef struct matrix_block {
  const int8_t *windows; /* one after the other, 16 * vectors bytes each */
  const int32_t *stream; /* see sotto_matrix_mve_params */
  int8_t *outputs[MATRIX_BLOCK_WINDOWS];
  int32_t vectors;   /* >= 1 */
  int32_t quads;     /* fours of channels, >= 1 */
  int32_t ties_away; /* round halves away from zero, else up */
  int32_t rounding_base;
} matrix_block;

/* The assembly reads the fields as eight words in this order. */
void sotto_matrix_block_mve(const matrix_block *block);

#endif
