/* One window times all output channels: the inner loops of the matrix-vector kernels. */
#ifndef SOTTO_NN_DSP_MATRIX_VECTOR_H
#define SOTTO_NN_DSP_MATRIX_VECTOR_H

#include <stdint.h>

#define MATRIX_VECTOR_CHANNELS 4
#define MATRIX_VECTOR_GROUP_BYTES 4
#define MATRIX_VECTOR_GROUP_WORDS 2

/* output[channel] of a multiple of four channels. The words of each group of four bytes are the two
 * of matrix_block.h for one window. The assembly reads all fields as words in order. */
typedef struct matrix_vector {
  const uint32_t *words;
  int8_t *output; /* any address */
  const int32_t *stream_end;
  const int32_t *stream;     /* see sotto_matrix_vector_dsp_params */
  const uint32_t *words_end; /* two groups or more behind `words` */
  int32_t rounding_base;     /* of the exact one */
} matrix_vector;

/* With fitted requantisation, with the reference's two roundings. */
void sotto_matrix_vector(const matrix_vector *vector);
void sotto_matrix_vector_exact(const matrix_vector *vector);

#endif
