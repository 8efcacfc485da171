/* What depthwise_tile_armv7em.c and depthwise_tall_armv7em.c compute, in C. */
#include "depthwise_tile.h"

#ifndef __ARM_FEATURE_DSP
#include "intrinsics.h"

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

static void all_rows(const depthwise_tile *t, int32_t stride, int exact) {
  for (int32_t y = 0; y < t->rows; ++y) {
    const uint32_t *const row = t->row + y * (t->row_step_bytes / 4);
    int8_t *const output = t->output + y * t->output_row_bytes;
    int32_t acc[DEPTHWISE_TILE_COLUMNS];
    for (int i = 0; i < DEPTHWISE_TILE_COLUMNS; ++i) acc[i] = t->bias;
    if (stride == 1) {
      row_stride1(t, row, acc);
    } else {
      row_stride2(t, row, acc);
    }
    for (int32_t i = 0; i < t->columns; ++i) {
      const int32_t result =
          exact ? dsp_requantise(acc[i], t->multiplier, t->exponent_less_1, t->rounding)
                : dsp_requantise_fitted(acc[i], t->multiplier);
      output[i * t->output_column_bytes] = (int8_t)result;
    }
  }
}

void sotto_depthwise_tile_stride1(depthwise_tile *tile) {
  all_rows(tile, 1, 0);
}

void sotto_depthwise_tile_3_rows(depthwise_tile *tile) {
  all_rows(tile, 1, 0);
}

void sotto_depthwise_tile_5_rows(depthwise_tile *tile) {
  all_rows(tile, 1, 0);
}

void sotto_depthwise_tile_stride2(depthwise_tile *tile) {
  all_rows(tile, 2, 0);
}

void sotto_depthwise_tile_stride1_exact(depthwise_tile *tile) {
  all_rows(tile, 1, 1);
}

void sotto_depthwise_tile_stride2_exact(depthwise_tile *tile) {
  all_rows(tile, 2, 1);
}
#endif
