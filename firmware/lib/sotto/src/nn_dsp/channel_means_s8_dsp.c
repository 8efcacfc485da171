/* Average and mean of each channel over a whole image, four channels at a time. */
#include "../nn/fixed_point.h"
#include "inline.h"
#include "intrinsics.h"
#include "sotto/nn_dsp.h"

#define CHANNELS 4

/* Sums of four channels over all positions. At most 256 positions: sums fit 16-bit lanes. */
static void sum_channels(const sotto_means_dsp_params *p, const int8_t *source,
                         int32_t sums[CHANNELS]) {
  const int32_t step = p->channels;
  uint32_t even = 0; /* channels 0 and 2 */
  uint32_t odd = 0;
  int32_t left = p->positions;
  for (; left >= 3; left -= 3) {
    const uint32_t first = dsp_load(source);
    const uint32_t second = dsp_load(source + step);
    const uint32_t third = dsp_load(source + 2 * step);
    source += 3 * step;
    even = dsp_sxtab16(dsp_sxtab16(dsp_sxtab16(even, first), second), third);
    odd = dsp_sxtab16_odd(dsp_sxtab16_odd(dsp_sxtab16_odd(odd, first), second), third);
  }
  for (; left > 0; --left, source += step) {
    even = dsp_sxtab16(even, dsp_load(source));
    odd = dsp_sxtab16_odd(odd, dsp_load(source));
  }
  for (int i = 0; i < CHANNELS; ++i) {
    const uint32_t lanes = i % 2 == 0 ? even : odd;
    sums[i] = (int16_t)(uint16_t)(lanes >> (i / 2 * 16));
  }
}

static int32_t average(const sotto_means_dsp_params *p, int32_t sum) {
  const int32_t half = p->positions / 2;
  const int32_t rounded = (sum > 0 ? sum + half : sum - half) / p->positions;
  return sotto_clamp(rounded, p->activation_min, p->activation_max);
}

static int32_t scaled_mean(const sotto_means_dsp_params *p, int32_t sum) {
  const int32_t shifted = sum + p->input_offset * p->positions;
  const int32_t mean = sotto_requantise(shifted, p->multiplier, p->shift) + p->output_offset;
  return sotto_clamp(mean, INT8_MIN, INT8_MAX);
}

/* The last four channels may overlap those before. */
DSP_INLINE void run(const sotto_means_dsp_params *p, const int8_t *input, int8_t *output,
                    int32_t (*result)(const sotto_means_dsp_params *, int32_t)) {
  const int32_t last = p->channels - CHANNELS;
  for (int32_t c = 0;; c += CHANNELS) {
    c = c < last ? c : last;
    int32_t sums[CHANNELS];
    sum_channels(p, input + c, sums);
    for (int i = 0; i < CHANNELS; ++i) output[c + i] = (int8_t)result(p, sums[i]);
    if (c == last) return;
  }
}

void sotto_average_dsp_s8(const sotto_means_dsp_params *params, const int8_t *input,
                          int8_t *output) {
  run(params, input, output, average);
}

void sotto_mean_dsp_s8(const sotto_means_dsp_params *params, const int8_t *input, int8_t *output) {
  run(params, input, output, scaled_mean);
}
