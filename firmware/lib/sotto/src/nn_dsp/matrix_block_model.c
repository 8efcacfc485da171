/* The matrix kernel's inner loops in C: what matrix_block_armv7em.c computes, step by step. */
#include "matrix_block.h"

#ifndef __ARM_FEATURE_DSP
#include "intrinsics.h"

static const int32_t *channel_pair(const matrix_block *b, const int32_t *stream, int8_t *output) {
  int32_t acc[MATRIX_BLOCK_CHANNELS][MATRIX_BLOCK_WINDOWS];
  for (int c = 0; c < MATRIX_BLOCK_CHANNELS; ++c) {
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) acc[c][w] = stream[c];
  }
  stream += MATRIX_BLOCK_CHANNELS;
  const uint32_t *windows = b->windows;
  for (int32_t g = 0; g < b->groups; ++g) {
    for (int c = 0; c < MATRIX_BLOCK_CHANNELS; ++c) {
      const uint32_t weights = (uint32_t)*stream++;
      for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
        acc[c][w] = dsp_smlad(windows[w], weights, acc[c][w]);
        acc[c][w] = dsp_smlad(windows[MATRIX_BLOCK_WINDOWS + w], dsp_sxtb16(weights), acc[c][w]);
      }
    }
    windows += 2 * MATRIX_BLOCK_WINDOWS;
  }
  for (int c = 0; c < MATRIX_BLOCK_CHANNELS; ++c) {
    const int32_t multiplier = stream[c];
    const int32_t exponent_less_1 = stream[MATRIX_BLOCK_CHANNELS + c];
    const int32_t rounding = b->rounding_base * (1 << exponent_less_1); /* < 255 * 2^21 */
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      output[w * b->window_stride + c] =
          (int8_t)dsp_requantise(acc[c][w], multiplier, exponent_less_1, rounding);
    }
  }
  return stream + 2 * MATRIX_BLOCK_CHANNELS;
}

void sotto_matrix_block(const matrix_block *block) {
  const int32_t *stream = block->stream;
  int8_t *output = block->output;
  for (int32_t pair = 0; pair < block->channel_pairs; ++pair) {
    stream = channel_pair(block, stream, output);
    output += MATRIX_BLOCK_CHANNELS;
  }
}
#endif
