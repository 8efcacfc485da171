/* int8 kernels for 32-bit cores without DSP instructions (Cortex-M0+ and M3, RISC-V, Xtensa): the
 * bytes of sotto/nn.h in less time.
 *
 * The exporter packs the constants for them and falls back to the kernels of sotto/nn.h where its
 * checks fail. For every output channel and every input it has checked
 * |bias + sum weight * (input + input_offset)| < 2^29.
 *
 * Requantisation is that of fixed_point.h with a shift of -exponent, 1 <= exponent <= 22.
 */
#ifndef SOTTO_NN_PORTABLE_H
#define SOTTO_NN_PORTABLE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Convolution as a product of matrices; a fully connected layer is one of 1x1 windows.
 *
 * Two products in one multiplication: with x = x0 + 2^16 * x1 and w = w1 + 2^16 * w0 the middle
 * digit of x * w is x0 * w0 + x1 * w1, where that fits 16 bits. Two such products, those of a group
 * of four taps, are added before the digit is taken. The exporter has checked that each pair of
 * taps fits for all inputs in -128..127, and lists the groups that do not fit as a whole. */
typedef struct sotto_matrix_portable_params {
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
  int32_t groups;        /* kernel_height * kernel_width * input_channels / 4, rounded up */
  int32_t tile_windows;  /* windows that scratch holds: 6, or 1 */
  int32_t rounding_base; /* 2 * zero point of the output + 1 */
  int32_t activation_min;
  int32_t activation_max;
  const int32_t *weights;   /* [output_channels][groups]: bytes w1, w3, w0, w2 of taps 0 to 3, plus
                               128; weight 0 behind the taps */
  const int32_t *constants; /* [output_channels][3]: bias with the input's zero point folded in,
                               multiplier, exponent - 1 */
  const int16_t *runs; /* for each channel: groups before the first that does not fit, before the
                          next one and so on, and after the last one */
} sotto_matrix_portable_params;

/* Bytes of scratch (4-byte aligned): the windows as three words a group, and a window's bytes or
 * the results of the last windows. */
#define SOTTO_MATRIX_PORTABLE_SCRATCH_BYTES(groups, tile_windows, channels) \
  ((groups)*12 * (tile_windows) +                                           \
   (4 * (groups) > (tile_windows) * (channels) ? 4 * (groups) : (tile_windows) * (channels)))

/* `output` may be `input` where windows are 1x1 with stride 1 and there are as many output channels
 * as input channels. */
void sotto_matrix_portable_s8(const sotto_matrix_portable_params *params, const int8_t *input,
                              int8_t *output, int8_t *scratch);

#ifdef __cplusplus
}
#endif
#endif
