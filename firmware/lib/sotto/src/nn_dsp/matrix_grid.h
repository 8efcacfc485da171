/* One window times all output channels, whose weights are codes of four bits: the inner loops of
 * the matrix-vector kernels for weights on a grid.
 *
 * A lane of a word of codes holds those of four channels for one input, 4096 * s3 + 256 * n2 +
 * 16 * n1 + n0: s3 signed, the others 8 too great. Four sums of products with all of a lane, with
 * its last 12, 8 and 4 bits differ by the channels' own sums, so that nothing has to be moved to
 * its place:
 *   sum of 16 bits - sum of 12 = 4096 * sum(x * s3)
 *   sum of 12 bits - sum of 8  =  256 * sum(x * n2)
 *   sum of 8 bits - sum of 4   =   16 * sum(x * n1)
 * What codes 8 too great add is 8 times the sum of the inputs, whatever the channel: the sums start
 * as much lower. Sums may wrap: the exporter has checked that 4096 * sum(x * s3) fits 32 bits. */
#ifndef SOTTO_NN_DSP_MATRIX_GRID_H
#define SOTTO_NN_DSP_MATRIX_GRID_H

#include "matrix_vector.h"

#define MATRIX_GRID_STARTS 4 /* words before the window, and as many steps behind it */

/* As sotto_matrix_vector, of a `matrix_vector` whose `words` are
 *   what the sums of 4, 8, 12 and 16 bits start with;
 *   words of two inputs as signed lanes, 1st and 3rd or 2nd and 4th of a group: a unit or more;
 *   behind `words_end` the step of the weights times 256, 16, 1 and 1. */
void sotto_matrix_grid(const matrix_vector *vector);
void sotto_matrix_grid_exact(const matrix_vector *vector);

#endif
