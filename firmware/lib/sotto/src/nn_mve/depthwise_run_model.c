/* The depthwise kernel's inner loops in C: what depthwise_run_armv81m.c computes. */
#include "depthwise_run.h"

#ifndef __ARM_FEATURE_MVE
#include "quad.h"

typedef int32_t (*dot_function)(const depthwise_run *run, const int8_t *window, int32_t channel,
                                int32_t bias);

/* Bytes of a vector without a tap do not count. */
static int32_t short_dot(const depthwise_run *run, const int8_t *window, int32_t channel,
                         int32_t bias) {
  const int32_t *const weights = run->stream + QUAD_CONSTANT_WORDS;
  int32_t acc = bias;
  for (int32_t i = 0; i < VECTOR_BYTES; ++i) {
    if (((uint32_t)run->bytes_with_tap >> i & 1U) == 0) continue;
    acc += window[i] * quad_byte(weights, channel * run->taps + run->tap_of[i]);
  }
  return acc;
}

static int32_t long_dot(const depthwise_run *run, const int8_t *window, int32_t channel,
                        int32_t bias) {
  const int32_t *const weights = run->stream + QUAD_CONSTANT_WORDS;
  int32_t acc = bias;
  for (int32_t v = 0; v < run->vectors; ++v) {
    const int32_t *const group = weights + (v * QUAD + channel) * (VECTOR_BYTES / 4);
    acc = quad_dot(acc, window + v * VECTOR_BYTES, group);
  }
  return acc;
}

static void all_positions(const depthwise_run *run, dot_function dot) {
  const int32_t *const constants = run->stream;
  const int8_t *window = run->window;
  int8_t *output = run->output;
  for (int32_t column = 0; column < run->columns; ++column) {
    for (int32_t row = 0; row < run->rows; ++row) {
      for (int32_t c = 0; c < run->channels; ++c) {
        const int32_t acc = dot(run, window + c * run->plane_bytes, c, constants[c]);
        output[c] = quad_requantise(acc, constants[QUAD + c], quad_byte(constants + 2 * QUAD, c),
                                    run->rounding_base, run->ties_away);
      }
      window += run->row_step;
      output += run->output_row_step;
    }
    window += run->column_step;
    output += run->output_column_step;
  }
}

void sotto_depthwise_run_mve(const depthwise_run *run) {
  all_positions(run, short_dot);
}

void sotto_depthwise_run_long_mve(const depthwise_run *run) {
  all_positions(run, long_dot);
}
#endif
