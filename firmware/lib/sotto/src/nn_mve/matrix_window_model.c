/* One window times all output channels in C: what matrix_window_armv81m.c computes. */
#include "matrix_window.h"

#ifndef __ARM_FEATURE_MVE
#include "quad.h"

void sotto_matrix_window_mve(const matrix_window *window) {
  const matrix_window *w = window;
  const int32_t weight_words = quad_weight_words(w->vectors, w->tail_bytes);
  for (int32_t channel = 0; channel < w->channels; ++channel) {
    const int32_t c = channel % QUAD;
    const int32_t *const bias = w->stream + channel / QUAD * (QUAD_CONSTANT_WORDS + weight_words);
    const int32_t *const weights = bias + QUAD;
    const int32_t *const multipliers = weights + weight_words;
    const int32_t acc = quad_window_dot(bias[c], w->window, weights, w->vectors, w->tail_bytes, c);
    w->output[channel] = quad_requantise(acc, multipliers[c], quad_byte(multipliers + QUAD, c),
                                         w->rounding_base, w->ties_away);
  }
}
#endif
