/* What depthwise_tile_armv7em.c computes, in C. */
#include "depthwise_tile.h"

#ifndef __ARM_FEATURE_DSP
#include "intrinsics.h"

static void write_row(const depthwise_tile *t, const int32_t *acc, int8_t *output) {
  for (int32_t i = 0; i < t->columns; ++i) {
    output[i * t->output_column_bytes] =
        (int8_t)dsp_requantise(acc[i], t->multiplier, t->exponent_less_1, t->rounding);
  }
}

static void row_stride1(const depthwise_tile *t, const uint32_t *row, int32_t *acc) {
  for (const int32_t *w = t->weights; w != t->weights_end; w += 2) {
    const uint32_t first = (uint32_t)w[0];
    const uint32_t second = (uint32_t)w[1];
    for (int i = 0; i < DEPTHWISE_TILE_COLUMNS; i += 2) {
      const uint32_t left = row[i / 2];
      const uint32_t right = row[i / 2 + 1];
      acc[i] = dsp_smlabt(right, second, dsp_smlad(left, first, acc[i]));
      acc[i + 1] = dsp_smlad(right, second, dsp_smlatb(left, first, acc[i + 1]));
    }
    row += t->kernel_step_bytes / 4;
  }
}

static void row_stride2(const depthwise_tile *t, const uint32_t *row, int32_t *acc) {
  for (const int32_t *w = t->weights; w != t->weights_end; w += 2) {
    const uint32_t first = (uint32_t)w[0];
    const uint32_t second = (uint32_t)w[1];
    for (int i = 0; i < DEPTHWISE_TILE_COLUMNS; ++i) {
      acc[i] = dsp_smlabt(row[i + 1], second, dsp_smlad(row[i], first, acc[i]));
    }
    row += t->kernel_step_bytes / 4;
  }
}

static void all_rows(const depthwise_tile *t,
                     void (*one_row)(const depthwise_tile *, const uint32_t *, int32_t *)) {
  for (int32_t y = 0; y < t->rows; ++y) {
    int32_t acc[DEPTHWISE_TILE_COLUMNS];
    for (int i = 0; i < DEPTHWISE_TILE_COLUMNS; ++i) acc[i] = t->bias;
    one_row(t, t->row + y * (t->row_step_bytes / 4), acc);
    write_row(t, acc, t->output + y * t->output_row_bytes);
  }
}

void sotto_depthwise_tile_stride1(depthwise_tile *tile) {
  all_rows(tile, row_stride1);
}
void sotto_depthwise_tile_stride2(depthwise_tile *tile) {
  all_rows(tile, row_stride2);
}
#endif
