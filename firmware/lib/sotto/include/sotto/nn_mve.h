/* int8 kernels for Armv8.1-M with Helium (Cortex-M55, M85): the bytes of sotto/nn.h in less time.
 *
 * The exporter packs the constants for them and falls back to the kernels of sotto/nn.h where its
 * checks fail. It has checked for every output channel and every input that
 * |bias + sum weight * (input + input_offset)| < 2^30. Sums on the way may wrap; only the last one
 * counts.
 *
 * Four output channels are computed at a time, the last four padded with zeros. Their constants:
 *   bias            4 words, with the zero points folded in
 *   multiplier      4 words, Q31
 *   exponent - 1    4 bytes
 * Requantisation is that of fixed_point.h with a shift of -exponent, 1 <= exponent <= 22: the
 * result is shifted to the uppermost byte of a word, where saturating the word saturates it. */
#ifndef SOTTO_NN_MVE_H
#define SOTTO_NN_MVE_H

#include <stdint.h>

#include "sotto/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Convolution as a product of matrices; a fully connected layer is one of 1x1 windows.
 *
 * A window is a column of 16 * vectors + tail_bytes bytes: [kernel_height][kernel_width]
 * [input_channels], then zeros up to 16. The stream holds for each four output channels: bias,
 * vectors * (16 weights of the first, second, third, fourth channel), the tail_bytes last weights
 * of each, multiplier, exponent - 1. */
typedef struct sotto_matrix_mve_params {
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t output_height;
  int32_t output_width;
  int32_t output_channels;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_value;     /* zero point of the input */
  int32_t vectors;       /* kernel_height * kernel_width * input_channels / 16, at least 1 */
  int32_t tail_bytes;    /* what is left of them, 0 .. 15 */
  int32_t ties_away;     /* 0 where no negative result shows: halves may then round up */
  int32_t rounding_base; /* 2 * zero point of the output + 1 */
  int32_t activation_min;
  int32_t activation_max;
  const int32_t *stream;
} sotto_matrix_mve_params;

/* Bytes of scratch: two windows, or the only one. */
#define SOTTO_MATRIX_MVE_SCRATCH_BYTES(vectors, tail_bytes, windows) \
  (((vectors) + ((tail_bytes) > 0 ? 1 : 0)) * ((windows) > 1 ? 32 : 16))

/* `output` may be `input` where windows are 1x1 with stride 1 and there are as many output channels
 * as input channels. */
void sotto_matrix_mve_s8(const sotto_matrix_mve_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch);

/* The same with a stream in memory (4-byte aligned), which a call before has unpacked
 * (sotto/nn_packed.h), in place of that of the parameters. */
void sotto_matrix_mve_unpacked_s8(const sotto_matrix_mve_params *params, const int8_t *stream,
                                  const int8_t *input, int8_t *output, int8_t *scratch);

/* Depthwise convolution, depth multiplier 1.
 *
 * Four or eight channels at a time are unpacked to planes of their own: strips of strip_columns
 * bytes a row, so narrow that a window is one run of bytes, with other columns between its rows,
 * whose weights are 0. A strip serves strip_outputs output columns; neighbours overlap. Columns
 * that a row lacks at its end are the padding at the start of the next. The stream holds for each
 * four channels: bias, multiplier, exponent - 1, then weights: where a window is one vector, the
 * taps of the first, second, third, fourth channel; else vectors * (16 bytes of the first, second,
 * third, fourth channel). */
typedef struct sotto_depthwise_mve_params {
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_value;
  int32_t strips;
  int32_t strips_held; /* that a plane has room for: all, or 1 after the other */
  int32_t strip_outputs;
  int32_t strip_columns;
  int32_t strip_rows;
  int32_t planes;      /* channels that are unpacked at a time: 4 or 8 */
  int32_t plane_bytes; /* up to the end of what the last window reads */
  int32_t vectors;     /* bytes of a window / 16, rounded up */
  int32_t taps;
  int32_t bytes_with_tap; /* of a window of one vector: a bit for each byte */
  int32_t ties_away;
  int32_t rounding_base;
  int32_t activation_min;
  int32_t activation_max;
  const uint8_t *tap_of; /* [16]: the tap of each such byte */
  const int32_t *stream;
} sotto_depthwise_mve_params;

/* Bytes of scratch. */
#define SOTTO_DEPTHWISE_MVE_SCRATCH_BYTES(planes, plane_bytes) ((planes) * (plane_bytes))

/* For windows of one vector, and for others. `output` may be `input` where both have one shape and
 * all strips are held. */
void sotto_depthwise_mve_s8(const sotto_depthwise_mve_params *params, const int8_t *input,
                            int8_t *output, int8_t *scratch);
void sotto_depthwise_long_mve_s8(const sotto_depthwise_mve_params *params, const int8_t *input,
                                 int8_t *output, int8_t *scratch);

/* Element by element sum. The first input is the one of the greater scale, whose factor is 1/2;
 * the other's is multiplier * 2^(shift - 31), -31 <= shift <= 0. Output as above. */
typedef struct sotto_add_mve_params {
  int32_t elements;
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t input2_multiplier;
  int32_t input2_shift;
  int32_t output_multiplier;
  int32_t output_exponent_less_1;
  int32_t ties_away;
  int32_t rounding_base;
  int32_t activation_min;
  int32_t activation_max;
} sotto_add_mve_params;

/* `output` may be either input. */
void sotto_add_mve_s8(const sotto_add_mve_params *params, const int8_t *input1,
                      const int8_t *input2, int8_t *output);

/* The kernels of sotto/nn.h; nothing is packed or assumed. */
void sotto_average_pool_mve_s8(const sotto_pool_params *params, const int8_t *input,
                               int8_t *output);
void sotto_mean_mve_s8(const sotto_mean_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif
#endif
