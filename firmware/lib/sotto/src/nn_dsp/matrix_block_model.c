/* What matrix_block_armv7em.c and matrix_widen_armv7em.c compute, in C. */
#include "matrix_block.h"

#ifndef __ARM_FEATURE_DSP
#include "intrinsics.h"

#define LANES_OF_128 UINT32_C(0x00800080)
#define SECOND_WORDS UINT32_C(0x007F007F) /* see matrix_block.h */

/* Accumulators of two channels and three windows. */
typedef int32_t tile[MATRIX_BLOCK_CHANNELS][MATRIX_BLOCK_WINDOWS];

void sotto_matrix_widen(const matrix_windows *windows) {
  const int8_t *source[MATRIX_BLOCK_WINDOWS];
  uint32_t *words = windows->words;
  for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) source[w] = windows->windows[w];
  for (int32_t run = 0; run < windows->runs; ++run) {
    for (int32_t g = 0; g < windows->run_groups; ++g, words += 2 * MATRIX_BLOCK_WINDOWS) {
      for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
        const uint32_t bytes = dsp_load(source[w]);
        words[w] = dsp_sxtab16(LANES_OF_128, bytes);
        words[MATRIX_BLOCK_WINDOWS + w] = bytes ^ SECOND_WORDS;
        source[w] += MATRIX_GROUP_BYTES;
      }
    }
    if (run + 1 == windows->runs) return;
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) source[w] += windows->run_skip_bytes;
  }
}

static const int32_t *accumulate(const matrix_block *b, const int32_t *stream, tile acc) {
  for (int c = 0; c < MATRIX_BLOCK_CHANNELS; ++c) {
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) acc[c][w] = stream[c];
  }
  stream += MATRIX_BLOCK_CHANNELS;
  const uint32_t *words = b->words;
  for (int32_t g = 0; g < MATRIX_UNIT_GROUPS * b->units; ++g) {
    for (int c = 0; c < MATRIX_BLOCK_CHANNELS; ++c) {
      const uint32_t weights = (uint32_t)*stream++;
      for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
        acc[c][w] = dsp_smlad(words[w], weights, acc[c][w]);
        acc[c][w] = dsp_smlad(words[MATRIX_BLOCK_WINDOWS + w], dsp_sxtb16(weights), acc[c][w]);
      }
    }
    words += 2 * MATRIX_BLOCK_WINDOWS;
  }
  return stream;
}

static void fitted(const matrix_block *b) {
  int8_t *output = b->output;
  for (const int32_t *stream = b->stream; stream != b->stream_end;) {
    tile acc;
    stream = accumulate(b, stream, acc);
    for (int c = 0; c < MATRIX_BLOCK_CHANNELS; ++c, ++output) {
      const int32_t factor = *stream++;
      for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
        output[w * b->window_stride] = (int8_t)dsp_requantise_fitted(acc[c][w], factor);
      }
    }
  }
}

void sotto_matrix_block(const matrix_block *block) {
  fitted(block);
}

void sotto_matrix_block_long(const matrix_block *block) {
  fitted(block);
}

void sotto_matrix_block_exact(const matrix_block *block) {
  const matrix_block *b = block;
  int8_t *output = b->output;
  for (const int32_t *stream = b->stream; stream != b->stream_end;) {
    tile acc;
    stream = accumulate(b, stream, acc);
    for (int c = 0; c < MATRIX_BLOCK_CHANNELS; ++c, ++output, ++stream) {
      const int32_t exponent_less_1 = stream[MATRIX_BLOCK_CHANNELS];
      const int32_t rounding = b->rounding_base * (1 << exponent_less_1); /* < 255 * 2^21 */
      for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
        output[w * b->window_stride] =
            (int8_t)dsp_requantise(acc[c][w], stream[0], exponent_less_1, rounding);
      }
    }
    stream += MATRIX_BLOCK_CHANNELS;
  }
}
#endif
