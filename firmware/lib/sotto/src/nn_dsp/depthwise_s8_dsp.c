/* Depthwise convolution, four channels and two taps at a time. */
#include "clamp.h"
#include "intrinsics.h"
#include "sotto/nn_dsp.h"

#define CHANNELS 4

/* All channels of one output position. `window` + `offsets` are its taps, channel 0. */
static void one_position(const sotto_depthwise_dsp_params *p, const int8_t *window,
                         const int32_t *offsets, int8_t *output) {
  const int32_t *stream = p->stream;
  const int32_t *const end = offsets + p->taps_padded;
  const int32_t base = p->rounding_base;
  const int32_t last = p->channels - CHANNELS;
  for (int32_t c = 0;; c += CHANNELS) {
    c = c < last ? c : last; /* the last four channels may overlap those before */
    const int8_t *const source = window + c;
    int32_t acc0 = stream[0];
    int32_t acc1 = stream[1];
    int32_t acc2 = stream[2];
    int32_t acc3 = stream[3];
    stream += CHANNELS;
    for (const int32_t *tap = offsets; tap != end; tap += 2, stream += CHANNELS) {
      const uint32_t first = dsp_load(source + tap[0]);
      const uint32_t second = dsp_load(source + tap[1]);
      const uint32_t low = dsp_low_halves(first, second);   /* channels 0 and 1 of both taps */
      const uint32_t high = dsp_high_halves(first, second); /* channels 2 and 3 */
      acc0 = dsp_smlad(dsp_sxtb16(low), (uint32_t)stream[0], acc0);
      acc1 = dsp_smlad(dsp_sxtb16_odd(low), (uint32_t)stream[1], acc1);
      acc2 = dsp_smlad(dsp_sxtb16(high), (uint32_t)stream[2], acc2);
      acc3 = dsp_smlad(dsp_sxtb16_odd(high), (uint32_t)stream[3], acc3);
    }
    output[c] = (int8_t)dsp_requantise(acc0, stream[0], stream[1], base * (1 << stream[1]));
    output[c + 1] = (int8_t)dsp_requantise(acc1, stream[2], stream[3], base * (1 << stream[3]));
    output[c + 2] = (int8_t)dsp_requantise(acc2, stream[4], stream[5], base * (1 << stream[5]));
    output[c + 3] = (int8_t)dsp_requantise(acc3, stream[6], stream[7], base * (1 << stream[7]));
    stream += 2 * CHANNELS;
    if (c == last) return;
  }
}

/* Copies the window at (y, x), which reaches over the border, to `patch`. */
static void copy_window(const sotto_depthwise_dsp_params *p, const int8_t *input, int32_t origin_y,
                        int32_t origin_x, int8_t *patch) {
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = origin_y + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += p->channels) {
      const int32_t x = origin_x + kx * p->dilation_width;
      if (y < 0 || y >= p->input_height || x < 0 || x >= p->input_width) {
        memset(patch, (int)p->pad_value, (size_t)p->channels);
      } else {
        memcpy(patch, input + (y * p->input_width + x) * p->channels, (size_t)p->channels);
      }
    }
  }
}

void sotto_depthwise_dsp_s8(const sotto_depthwise_dsp_params *params, const int8_t *input,
                            int8_t *output, int8_t *scratch) {
  const sotto_depthwise_dsp_params *p = params;
  const int32_t last_y = p->input_height - 1 - (p->kernel_height - 1) * p->dilation_height;
  const int32_t last_x = p->input_width - 1 - (p->kernel_width - 1) * p->dilation_width;
  int8_t *target = output;
  for (int32_t oy = 0; oy < p->output_height; ++oy) {
    const int32_t y = oy * p->stride_height - p->pad_top;
    for (int32_t ox = 0; ox < p->output_width; ++ox, target += p->channels) {
      const int32_t x = ox * p->stride_width - p->pad_left;
      if (y >= 0 && y <= last_y && x >= 0 && x <= last_x) {
        one_position(p, input + (y * p->input_width + x) * p->channels, p->image_offsets, target);
      } else {
        copy_window(p, input, y, x, scratch);
        one_position(p, scratch, p->patch_offsets, target);
      }
    }
  }
  sotto_dsp_clamp(output, (int32_t)(target - output), p->activation_min, p->activation_max);
}
