/* The depthwise kernel's inner loops in C: what depthwise_run_armv81m.c computes. */
#include "depthwise_run.h"

#ifndef __ARM_FEATURE_MVE
#include "quad.h"

static int8_t one_output(const depthwise_run *r, const int8_t *window, int32_t channel) {
  const int32_t *const constants = r->stream + channel;
  const int32_t *const weights = r->stream + 4 * QUAD;
  int32_t acc = constants[0];
  for (int32_t v = 0; v < r->vectors; ++v) {
    const int32_t *const group = weights + (v * QUAD + channel) * (VECTOR_BYTES / 4);
    acc = quad_dot(acc, window + channel * r->plane_bytes + v * VECTOR_BYTES, group);
  }
  return quad_requantise(acc, constants[QUAD], constants[2 * QUAD], constants[3 * QUAD],
                         r->ties_away);
}

void sotto_depthwise_run_long_mve(const depthwise_run *run) {
  const int8_t *window = run->window;
  int8_t *output = run->output;
  for (int32_t column = 0; column < run->columns; ++column) {
    for (int32_t row = 0; row < run->rows; ++row) {
      for (int32_t c = 0; c < run->lanes; ++c) output[c] = one_output(run, window, c);
      window += run->row_step;
      output += run->output_row_step;
    }
    window += run->column_step;
    output += run->output_column_step;
  }
}

void sotto_depthwise_run_mve(const depthwise_run *run) {
  sotto_depthwise_run_long_mve(run);
}
#endif
