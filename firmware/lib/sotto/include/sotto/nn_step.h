/* int8 kernels, for every kind of core, of layers with one output position: those that a streaming
 * model has. They give the bytes of sotto/nn.h with few constants: the weights as bytes, and two
 * words a channel.
 *
 * The exporter packs the constants and falls back to other kernels where its checks fail. For every
 * channel and every input it has checked |bias + sum weight * (input + input_offset)| < 2^23 - 1,
 * so that 256 times an accumulator fits 32 bits. The zero point of the input is folded into the
 * bias. Requantisation is one of two, by the constants of a channel: fitted  factor, 256 * bias +
 * beta: ((256 * acc + beta) * factor) >> 42, saturated. The exporter has found the results of every
 * accumulator that the channel can reach to be those of fixed_point.h; 0 < factor < 2^31. exact
 * multiplier, 256 * bias + exponent - 1: that of fixed_point.h with a shift of -exponent, 1 <=
 * exponent <= 22.
 */
#ifndef SOTTO_NN_STEP_H
#define SOTTO_NN_STEP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Depthwise convolution of four channels or more, depth multiplier 1, whose taps all lie at one
 * distance: over a column or a row, with any dilation. Four channels at a time; the last four may
 * overlap those before. */
typedef struct sotto_depthwise_column_params {
  int32_t channels;
  int32_t taps;
  int32_t tap_step_bytes;
  int32_t fitted;        /* 1, or 0: exact */
  int32_t rounding_base; /* 2 * zero point of the output + 1 */
  int32_t activation_min;
  int32_t activation_max;
  const int8_t *weights;    /* [channels / 4, rounded up][taps][4] */
  const int32_t *constants; /* [channels / 4, rounded up][4][2] */
} sotto_depthwise_column_params;

void sotto_depthwise_column_s8(const sotto_depthwise_column_params *params, const int8_t *input,
                               int8_t *output);

#ifdef __cplusplus
}
#endif
#endif
