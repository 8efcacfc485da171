/* Depthwise convolution of three columns over rows of five, four channels at a time. */
#include <string.h>

#include "clamp.h"
#include "depthwise_five.h"
#include "inline.h"
#include "sotto/nn_dsp.h"

typedef void plane_kernel(const depthwise_five *five);

DSP_INLINE void run(const sotto_depthwise_five_dsp_params *p, const int8_t *input, int8_t *output,
                    int8_t *scratch, plane_kernel *kernel) {
  const int32_t last = p->channels - DEPTHWISE_FIVE_CHANNELS;
  const int32_t plane_bytes = p->plane_rows * DEPTHWISE_FIVE_WORDS * 4;
  uint32_t *const planes = (uint32_t *)(void *)scratch;
  /* The rows above and below the image stay 0. */
  memset(planes, 0, (size_t)(DEPTHWISE_FIVE_CHANNELS * plane_bytes));
  const int32_t output_bytes = p->output_height * DEPTHWISE_FIVE_COLUMNS * p->channels;
  for (int32_t c = 0;; c += DEPTHWISE_FIVE_CHANNELS) {
    c = c < last ? c : last; /* the last four channels may overlap those before */
    const depthwise_five_image image = {
        .source = input + c,
        .column_bytes = p->channels,
        .image_bytes = p->input_height * DEPTHWISE_FIVE_COLUMNS * p->channels,
        .planes = planes + p->pad_top * DEPTHWISE_FIVE_WORDS,
        .plane_bytes = plane_bytes,
    };
    sotto_depthwise_five_unpack(&image);
    const depthwise_five five = {
        .plane = planes,
        .stream = p->stream + c * p->channel_bytes,
        .output = output + c,
        .column_bytes = p->channels,
        .output_bytes = output_bytes,
    };
    kernel(&five);
    if (c == last) break;
  }
  sotto_dsp_clamp(output, output_bytes, p->activation_min, p->activation_max);
}

void sotto_depthwise_five_3_dsp_s8(const sotto_depthwise_five_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_depthwise_five_3);
}

void sotto_depthwise_five_5_dsp_s8(const sotto_depthwise_five_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch) {
  run(params, input, output, scratch, sotto_depthwise_five_5);
}
