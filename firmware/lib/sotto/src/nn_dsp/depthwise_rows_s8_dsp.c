/* Depthwise convolution with three columns, by rows of one channel. */
#include "clamp.h"
#include "depthwise_tile.h"
#include "inline.h"
#include "intrinsics.h"
#include "sotto/nn_dsp.h"

#define CHANNELS 4
#define BYTES_OF_A_WORD 0x01010101U

/* A pair of columns of four channels, as pairs of sign-extended values `plane_words` apart. */
static inline void unpack_pair(uint32_t left, uint32_t right, uint32_t *target,
                               int32_t plane_words) {
  const uint32_t low = dsp_low_halves(left, right);
  const uint32_t high = dsp_high_halves(left, right);
  *target = dsp_sxtb16(low);
  target += plane_words;
  *target = dsp_sxtb16_odd(low);
  target += plane_words;
  *target = dsp_sxtb16(high);
  target += plane_words;
  *target = dsp_sxtb16_odd(high);
}

/* One row of four channels, from the image row `source` to planes. `width` is that of the image, 0
 * for a row outside of it; outside are padding values. The image starts at column 0 or 1. */
static void unpack_row(const sotto_depthwise_rows_dsp_params *p, const int8_t *source,
                       int32_t width, uint32_t *target, int32_t plane_words) {
  const uint32_t padding = ((uint32_t)p->pad_value & 0xFFU) * BYTES_OF_A_WORD;
  const int32_t channels = p->channels;
  const uint32_t *const end = target + p->plane_pairs;
  if (p->pad_left == 1 && width > 0) {
    unpack_pair(padding, dsp_load(source), target++, plane_words);
    source += channels;
    --width;
  }
  for (; width > 1 && target != end; width -= 2, source += 2 * channels) {
    unpack_pair(dsp_load(source), dsp_load(source + channels), target++, plane_words);
  }
  if (width == 1 && target != end) {
    unpack_pair(dsp_load(source), padding, target++, plane_words);
  }
  while (target != end) unpack_pair(padding, padding, target++, plane_words);
}

/* A channel's constants, unpacked. */
enum { BIAS, MULTIPLIER, EXPONENT_LESS_1, WEIGHTS };

/* `exact`: two words requantise, else one. */
DSP_INLINE void unpack_constants(const sotto_depthwise_rows_dsp_params *p, const int8_t *stream,
                                 int exact, int32_t *constants) {
  constants[BIAS] = (int32_t)dsp_load(stream);
  constants[MULTIPLIER] = (int32_t)dsp_load(stream + 4);
  constants[EXPONENT_LESS_1] = exact ? (int32_t)dsp_load(stream + 8) : 0;
  stream += exact ? 12 : 8;
  int32_t *weights = constants + WEIGHTS;
  for (int32_t i = 0; i < p->kernel_height; ++i, weights += 2, stream += 3) {
    weights[0] = (int32_t)dsp_first_weights(dsp_load(stream));
    weights[1] = (int32_t)dsp_last_weights(dsp_load(stream));
  }
}

/* One channel of all positions, from its plane. */
DSP_INLINE void one_channel(const sotto_depthwise_rows_dsp_params *p, const uint32_t *plane,
                            const int32_t *constants, int8_t *output,
                            depthwise_tile_kernel *kernel) {
  const int32_t row_bytes = p->plane_pairs * 4;
  for (int32_t x = 0; x < p->output_width; x += DEPTHWISE_TILE_COLUMNS) {
    const int32_t left = p->output_width - x;
    depthwise_tile tile = {
        .row = plane + x * p->stride_width / 2, /* x is a multiple of 6 */
        .row_step_bytes = p->stride_height * row_bytes,
        .kernel_step_bytes = p->dilation_height * row_bytes,
        .weights = constants + WEIGHTS,
        .weights_end = constants + WEIGHTS + 2 * p->kernel_height,
        .bias = constants[BIAS],
        .multiplier = constants[MULTIPLIER],
        .exponent_less_1 = constants[EXPONENT_LESS_1],
        .rounding = p->rounding_base * (1 << constants[EXPONENT_LESS_1]), /* < 255 * 2^21 */
        .output = output + x * p->channels,
        .output_row_bytes = p->output_width * p->channels,
        .output_column_bytes = p->channels,
        .columns = left < DEPTHWISE_TILE_COLUMNS ? left : DEPTHWISE_TILE_COLUMNS,
        .rows = p->output_height,
    };
    kernel(&tile);
  }
}

DSP_INLINE void run(const sotto_depthwise_rows_dsp_params *p, const int8_t *input, int8_t *output,
                    int8_t *scratch, int exact, depthwise_tile_kernel *kernel) {
  const int32_t plane_words = p->plane_rows * p->plane_pairs;
  const int32_t last = p->channels - CHANNELS;
  uint32_t *const planes = (uint32_t *)(void *)scratch;
  int32_t *const constants = (int32_t *)(void *)(planes + CHANNELS * plane_words);
  for (int32_t c = 0;; c += CHANNELS) {
    c = c < last ? c : last; /* the last four channels may overlap those before */
    for (int32_t row = 0; row < p->plane_rows; ++row) {
      const int32_t y = row - p->pad_top;
      const int inside = y >= 0 && y < p->input_height;
      const int8_t *const source = inside ? input + y * p->input_width * p->channels + c : input;
      unpack_row(p, source, inside ? p->input_width : 0, planes + row * p->plane_pairs,
                 plane_words);
    }
    for (int32_t k = 0; k < CHANNELS; ++k) {
      unpack_constants(p, p->stream + (c + k) * p->channel_bytes, exact, constants);
      one_channel(p, planes + k * plane_words, constants, output + c + k, kernel);
    }
    if (c == last) break;
  }
  sotto_dsp_clamp(output, p->output_height * p->output_width * p->channels, p->activation_min,
                  p->activation_max);
}

void sotto_depthwise_rows_dsp_s8(const sotto_depthwise_rows_dsp_params *params, const int8_t *input,
                                 int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, 0, sotto_depthwise_tile_stride1);
}

void sotto_depthwise_rows_3_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, 0, sotto_depthwise_tile_3_rows);
}

void sotto_depthwise_rows_5_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, 0, sotto_depthwise_tile_5_rows);
}

void sotto_depthwise_rows_by_2_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                      const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, 0, sotto_depthwise_tile_stride2);
}

void sotto_depthwise_rows_exact_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                       const int8_t *input, int8_t *output, int8_t *scratch) {
  if (params->stride_width == 1) {
    run(params, input, output, scratch, 1, sotto_depthwise_tile_stride1_exact);
  } else {
    run(params, input, output, scratch, 1, sotto_depthwise_tile_stride2_exact);
  }
}
