/* Depthwise convolution: direct form, one output value after the other. */
#include "fixed_point.h"
#include "sotto/nn.h"

/* Sum of the taps of output channel `oc` that lie inside of the input. */
static int32_t accumulate(const sotto_depthwise_conv2d_params *p, const int8_t *input, int32_t oc,
                          int32_t origin_y, int32_t origin_x) {
  const int32_t output_channels = p->input_channels * p->depth_multiplier;
  const int32_t ic = oc / p->depth_multiplier;
  int32_t sum = 0;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = origin_y + ky * p->dilation_height;
    if (y < 0 || y >= p->input_height) continue;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t x = origin_x + kx * p->dilation_width;
      if (x < 0 || x >= p->input_width) continue;
      const int32_t value = input[(y * p->input_width + x) * p->input_channels + ic];
      const int32_t weight = p->weights[(ky * p->kernel_width + kx) * output_channels + oc];
      /* |value + offset| <= 255, |weight| <= 128; the exporter has bounded the sum below 2^31 */
      sum += (value + p->input_offset) * weight;
    }
  }
  return sum;
}

void sotto_depthwise_conv2d_s8(const sotto_depthwise_conv2d_params *params, const int8_t *input,
                               int8_t *output) {
  const sotto_depthwise_conv2d_params *p = params;
  const int32_t output_channels = p->input_channels * p->depth_multiplier;
  for (int32_t oy = 0; oy < p->output_height; ++oy) {
    const int32_t origin_y = oy * p->stride_height - p->pad_top;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      const int32_t origin_x = ox * p->stride_width - p->pad_left;
      for (int32_t oc = 0; oc < output_channels; ++oc) {
        const int32_t acc = p->bias[oc] + accumulate(p, input, oc, origin_y, origin_x);
        const int32_t scaled = sotto_requantise(acc, p->multiplier[oc], p->shift[oc]);
        *output++ =
            (int8_t)sotto_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
      }
    }
  }
}
