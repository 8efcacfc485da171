/* The matrix kernel's inner loops in C: what matrix_block_armv81m.c computes. */
#include "matrix_block.h"

#ifndef __ARM_FEATURE_MVE
#include "quad.h"

static void requantise_quad(const matrix_block *block, const int32_t acc[QUAD],
                            const int32_t *constants, int8_t *output) {
  for (int32_t c = 0; c < QUAD; ++c) {
    const int32_t exponent_less_1 = quad_byte(constants + QUAD, c);
    output[c] = quad_requantise(acc[c], constants[c], exponent_less_1, block->rounding_base,
                                block->ties_away);
  }
}

void sotto_matrix_block_mve(const matrix_block *block) {
  const int32_t *stream = block->stream;
  for (int32_t quad = 0; quad < block->quads; ++quad) {
    const int32_t *const bias = stream;
    const int32_t *const weights = bias + QUAD;
    stream = weights + quad_weight_words(block->vectors, block->tail_bytes);
    for (int32_t w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
      int32_t acc[QUAD];
      for (int32_t c = 0; c < QUAD; ++c) {
        acc[c] = quad_window_dot(bias[c], block->windows[w], weights, block->vectors,
                                 block->tail_bytes, c);
      }
      requantise_quad(block, acc, stream, block->outputs[w] + quad * QUAD);
    }
    stream += QUAD + 1;
  }
}
#endif
