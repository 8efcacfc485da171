/* What depthwise_five_armv7em.c and depthwise_five_unpack_armv7em.c compute, in C. */
#include "depthwise_five.h"

#ifndef __ARM_FEATURE_DSP
#include "intrinsics.h"

void sotto_depthwise_five_unpack(const depthwise_five_image *image) {
  const int8_t *source = image->source;
  const int32_t step = image->column_bytes;
  const int32_t plane_words = image->plane_bytes / 4;
  const int32_t rows = image->image_bytes / (DEPTHWISE_FIVE_COLUMNS * step);
  for (int32_t row = 0; row < rows; ++row, source += DEPTHWISE_FIVE_COLUMNS * step) {
    uint32_t *target = image->planes + row * DEPTHWISE_FIVE_WORDS;
    for (int c = 0; c < DEPTHWISE_FIVE_CHANNELS; ++c, target += plane_words) {
      uint32_t v[DEPTHWISE_FIVE_COLUMNS];
      for (int x = 0; x < DEPTHWISE_FIVE_COLUMNS; ++x)
        v[x] = (uint32_t)(source[c + x * step] + 128);
      target[0] = dsp_low_halves(v[0], v[1]);
      target[1] = dsp_low_halves(v[2], v[3]);
      target[2] = dsp_low_halves(v[3], v[4]);
    }
  }
}

static void kernel_row(const uint32_t *row, uint32_t weights, int32_t acc[DEPTHWISE_FIVE_COLUMNS]) {
  const uint32_t first = dsp_first_weights(weights);
  const uint32_t second = dsp_last_weights(weights);
  acc[0] = dsp_smlad(row[0], second, acc[0]);
  acc[1] = dsp_smlabt(row[1], second, dsp_smlad(row[0], first, acc[1]));
  acc[2] = dsp_smlad(row[1], second, dsp_smlatb(row[0], first, acc[2]));
  acc[3] = dsp_smlatt(row[2], second, dsp_smlad(row[1], first, acc[3]));
  acc[4] = dsp_smlad(row[2], first, acc[4]);
}

static void four_channels(const depthwise_five *f, int32_t kernel_rows) {
  const uint32_t *plane = f->plane;
  const int8_t *stream = f->stream;
  const int32_t row_bytes = DEPTHWISE_FIVE_COLUMNS * f->column_bytes;
  for (int32_t channel = 0; channel < DEPTHWISE_FIVE_CHANNELS; ++channel) {
    const int32_t bias = (int32_t)dsp_load(stream);
    const int32_t factor = (int32_t)dsp_load(stream + 4);
    const int8_t *const weights = stream + 8;
    for (int32_t at = 0; at < f->output_bytes; at += row_bytes, plane += DEPTHWISE_FIVE_WORDS) {
      int32_t acc[DEPTHWISE_FIVE_COLUMNS];
      for (int i = 0; i < DEPTHWISE_FIVE_COLUMNS; ++i) acc[i] = bias;
      for (int32_t k = 0; k < kernel_rows; ++k) {
        kernel_row(plane + k * DEPTHWISE_FIVE_WORDS, dsp_load(weights + 3 * k), acc);
      }
      for (int i = 0; i < DEPTHWISE_FIVE_COLUMNS; ++i) {
        f->output[channel + at + i * f->column_bytes] =
            (int8_t)dsp_requantise_fitted(acc[i], factor);
      }
    }
    plane += (kernel_rows - 1) * DEPTHWISE_FIVE_WORDS;
    stream = weights + 3 * kernel_rows;
  }
}

void sotto_depthwise_five_3(const depthwise_five *five) {
  four_channels(five, 3);
}

void sotto_depthwise_five_5(const depthwise_five *five) {
  four_channels(five, 5);
}
#endif
