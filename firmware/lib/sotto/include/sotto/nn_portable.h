/* int8 kernels for 32-bit cores without DSP instructions (Cortex-M0+ and M3, RISC-V, Xtensa): the
 * bytes of sotto/nn.h in less time.
 *
 * The exporter packs the constants for them and falls back to the kernels of sotto/nn.h where its
 * checks fail. For every output channel and every input it has checked
 * |bias + sum weight * (input + input_offset)| < 2^29.
 *
 * Requantisation of an accumulator is one of two, by constants of its channel. The zero point of
 * the input is folded into the bias.
 *   fitted  ((256 * acc + beta) * factor) >> 42, saturated: factor, 256 * bias + beta. The exporter
 *           has found the results of every accumulator that the channel can reach to be those of
 *           fixed_point.h; 0 < factor < 2^31, and 256 * acc + beta fits an int32.
 *   exact   that of fixed_point.h with a shift of -exponent, 1 <= exponent <= 22: multiplier, and
 *           32 * bias + exponent - 1, which fits an int32.
 */
#ifndef SOTTO_NN_PORTABLE_H
#define SOTTO_NN_PORTABLE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Convolution as a product of matrices; a fully connected layer is one of 1x1 windows. All windows
 * lie in the input: the exporter has a padded one made first.
 *
 * Two products in one multiplication: with x = x0 + 2^16 * x1 and w = w1 + 2^16 * w0 the middle
 * digit of x * w is x0 * w0 + x1 * w1, where that fits 16 bits. Two such products, those of a group
 * of four taps, are added before the digit is taken. The exporter has checked for all inputs in
 * -128..127 that each fits; of a group that does not fit as a whole it has set the first pair of
 * taps aside. The stream holds for each output channel:
 *   groups          bytes w1, w3, w0, w2 of the weights of taps 0 to 3, plus 128, from the lowest;
 *                   weight 0 behind the taps and for what is set aside
 *   pairs set aside as many as there are, each negative: byte w1, byte w0, index of the group
 *   constants of the requantisation, of which the first is not negative */
typedef struct sotto_matrix_portable_params {
  int32_t output_height;
  int32_t output_width;
  int32_t output_channels;
  int32_t row_step_bytes;    /* from an output row's windows to the next row's */
  int32_t column_step_bytes; /* from a window to the next */
  int32_t kernel_rows;
  int32_t kernel_row_step_bytes;
  int32_t row_runs; /* a kernel row is as many runs of bytes: more than 1 where it is dilated */
  int32_t run_step_bytes;
  int32_t run_bytes;
  int32_t in_words;      /* 1 where a kernel row is one run of whole groups, else 0 */
  int32_t groups;        /* taps / 4, rounded up */
  int32_t tile_windows;  /* windows that scratch holds: 6, if there are so many, or 1 */
  int32_t fitted;        /* 1 or 0: exact */
  int32_t rounding_base; /* 2 * zero point of the output + 1 */
  int32_t activation_min;
  int32_t activation_max;
  const int32_t *stream;
} sotto_matrix_portable_params;

/* Bytes of scratch (4-byte aligned): the windows as three words a group, and a window's bytes. */
#define SOTTO_MATRIX_PORTABLE_SCRATCH_BYTES(groups, tile_windows) \
  ((groups) * (12 * (tile_windows) + 4))

/* `output` may be `input` where each window is the bytes that its results replace. */
void sotto_matrix_portable_s8(const sotto_matrix_portable_params *params, const int8_t *input,
                              int8_t *output, int8_t *scratch);

/* The same with a stream in memory (4-byte aligned), which a call before has unpacked
 * (sotto/nn_packed.h), in place of that of the parameters. */
void sotto_matrix_portable_unpacked_s8(const sotto_matrix_portable_params *params,
                                       const int8_t *stream, const int8_t *input, int8_t *output,
                                       int8_t *scratch);

/* Depthwise convolution with three columns and dilation 1, a horizontal stride of 1 or 2, depth
 * multiplier 1 and outputs of five columns or more: one channel after the other, as strips of five
 * output columns. */
typedef struct sotto_depthwise_strips_portable_params {
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;  /* 5 or more */
  int32_t kernel_height; /* 2 or more */
  int32_t stride_height;
  int32_t stride_width; /* 1 or 2 */
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_value;
  int32_t fitted;
  int32_t rounding_base;
  int32_t activation_min;
  int32_t activation_max;
  const int8_t *weights;    /* [channels][kernel_height][3] */
  const int32_t *constants; /* [channels][2], of the requantisation */
} sotto_depthwise_strips_portable_params;

/* Input columns that a strip reads. */
#define SOTTO_DEPTHWISE_STRIP_COLUMNS(stride_width) (4 * (stride_width) + 3)

/* Bytes of scratch (4-byte aligned): the strips of a channel and its weights, a word each. */
#define SOTTO_DEPTHWISE_STRIPS_PORTABLE_SCRATCH_BYTES(output_height, output_width, kernel_height, \
                                                      stride_height, stride_width)                \
  (4 * (((output_width) + 4) / 5 * (((output_height) - 1) * (stride_height) + (kernel_height)) *  \
            SOTTO_DEPTHWISE_STRIP_COLUMNS(stride_width) +                                         \
        3 * (kernel_height)))

/* `output` may be `input` where both have one shape. */
void sotto_depthwise_strips_portable_s8(const sotto_depthwise_strips_portable_params *params,
                                        const int8_t *input, int8_t *output, int8_t *scratch);

#ifdef __cplusplus
}
#endif
#endif
