/* Three windows times all output channels: the inner loops of the matrix kernels. */
#ifndef SOTTO_NN_DSP_MATRIX_BLOCK_H
#define SOTTO_NN_DSP_MATRIX_BLOCK_H

#include <stdint.h>

#define MATRIX_BLOCK_WINDOWS 3
#define MATRIX_BLOCK_CHANNELS 2
#define MATRIX_GROUP_BYTES 4
#define MATRIX_UNIT_GROUPS 2
#define MATRIX_UNIT_BYTES \
  (MATRIX_UNIT_GROUPS * 2 * MATRIX_BLOCK_WINDOWS * 4) /* of widened windows */
#define MATRIX_BLOCK_UNITS 8                          /* most that sotto_matrix_block takes */

/* Reads three windows, widens them. For each group of four bytes u0..u3 (stored value + 128) it
 * writes six words: three times lanes (u0, u2), then three times lanes (256 * (u1 - 128) + 255 -
 * u0, the same of u3 and u2). With a weight word R of lanes 256 * w0 + w1 and 256 * w2 + w3,
 *   SMLAD(first, R) + SMLAD(second, SXTB16(R)) = 256 * (w0 u0 + .. + w3 u3) - 32513 * (w1 + w3),
 * so one SXTB16 serves four weights. The exporter has put 32513 * sum w1, w3 into the bias. */
typedef struct matrix_windows {
  const int8_t *windows[MATRIX_BLOCK_WINDOWS]; /* first bytes; any address */
  uint32_t *words;
  int32_t runs;           /* >= 1: each window is as many runs of bytes */
  int32_t run_groups;     /* >= 1, of a run */
  int32_t run_skip_bytes; /* from the end of a run to the next */
} matrix_windows;

void sotto_matrix_widen(const matrix_windows *windows);

/* output[window * window_stride + channel] of an even number of channels. */
typedef struct matrix_block {
  const uint32_t *words;
  int8_t *output;
  int32_t window_stride;
  const int32_t *stream_end;
  const int32_t *stream; /* see sotto_matrix_dsp_params */
  int32_t units;         /* pairs of groups, >= 1 */
  int32_t rounding_base; /* of the exact block */
} matrix_block;

/* With fitted requantisation: windows of up to MATRIX_BLOCK_UNITS units, and of any number; with
 * the reference's two roundings and any number. The assembly reads all fields as words in order. */
void sotto_matrix_block(const matrix_block *block);
void sotto_matrix_block_long(const matrix_block *block);
void sotto_matrix_block_exact(const matrix_block *block);

#endif
