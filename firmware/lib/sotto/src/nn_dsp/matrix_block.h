/* Three windows times all output channels: the inner loops of the matrix kernel. */
#ifndef SOTTO_NN_DSP_MATRIX_BLOCK_H
#define SOTTO_NN_DSP_MATRIX_BLOCK_H

#include <stdint.h>

#define MATRIX_BLOCK_WINDOWS 3
#define MATRIX_BLOCK_CHANNELS 2

/* For each group of four bytes u0..u3 (stored value + 128) of the three windows, six words:
 * three times lanes (u0, u2), then three times lanes (256 * (u1 - 128) + 255 - u0, the same of u3
 * and u2). With a weight word R of lanes 256 * w0 + w1 and 256 * w2 + w3,
 *   SMLAD(first, R) + SMLAD(second, SXTB16(R)) = 256 * (w0 u0 + .. + w3 u3) - 32513 * (w1 + w3),
 * so one SXTB16 serves four weights. The exporter has put 32513 * sum w1, w3 into the bias. */
typedef struct matrix_block {
  const uint32_t *windows;
  const int32_t *stream; /* see sotto_matrix_dsp_params */
  int8_t *output;        /* output[window * window_stride + channel] */
  int32_t groups;        /* >= 1 */
  int32_t channel_pairs; /* >= 1 */
  int32_t window_stride;
  int32_t rounding_base;
} matrix_block;

/* The assembly reads the fields as seven words in this order. */
void sotto_matrix_block(const matrix_block *block);

#endif
