/* Windows times all output channels: the inner loops of the matrix kernel. */
#ifndef SOTTO_NN_PORTABLE_MATRIX_BLOCK_H
#define SOTTO_NN_PORTABLE_MATRIX_BLOCK_H

#include <stdint.h>

#include "requantise.h"

#define MATRIX_BLOCK_WINDOWS 6
#define WINDOW_WORDS 3 /* of a group, see group_sum */

/* The assembly reads the fields as seven words in this order. */
typedef struct portable_matrix {
  const uint32_t *windows; /* [groups][6][3] for a block, [groups][3] for one window */
  const int32_t *stream;   /* of sotto_matrix_portable_params */
  int32_t groups;
  int8_t *output; /* output[window * channels + channel] */
  int32_t channels;
  portable_requantisation how;
} portable_matrix;

/* Six windows. */
void sotto_portable_matrix_block(const portable_matrix *matrix);

/* Sums of the products of six windows with the groups of weights up to `end`, set-aside pairs
 * excepted: the inner loop of the above where it is in C. */
void sotto_portable_matrix_groups(const uint32_t *windows, const int32_t *weights,
                                  const int32_t *end, int32_t *sums);

/* One. */
void sotto_portable_matrix_window(const portable_matrix *matrix);

#endif
