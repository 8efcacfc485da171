/* Inner loops of the matrix kernels for weights of which whole groups of four are zero. */
#ifndef SOTTO_NN_DSP_MATRIX_SPARSE_H
#define SOTTO_NN_DSP_MATRIX_SPARSE_H

#include "matrix_block.h"
#include "matrix_vector.h"

/* As sotto_matrix_block_long and _exact, and as sotto_matrix_vector and _exact, of all channels and
 * the streams of the sparse kernels of sotto/nn_dsp.h; `stream_end` is not used. */
void sotto_matrix_sparse_block(const matrix_block *block);
void sotto_matrix_sparse_block_exact(const matrix_block *block);
void sotto_matrix_sparse_vector(const matrix_vector *vector);
void sotto_matrix_sparse_vector_exact(const matrix_vector *vector);

#endif
