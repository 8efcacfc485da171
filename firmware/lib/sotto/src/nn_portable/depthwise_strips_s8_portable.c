/* Depthwise convolution with three columns, by strips of one channel. */
#include "depthwise_strip.h"
#include "requantise.h"
#include "sotto/nn_portable.h"

/* `rows` x 5 values, `step` bytes apart, to words. */
static void unpack_five(const int8_t *source, int32_t source_row_bytes, int32_t step, int32_t rows,
                        int32_t *target, int32_t target_row_words) {
  const int32_t thrice = 3 * step;
  for (; rows > 0; --rows, source += source_row_bytes, target += target_row_words) {
    target[0] = source[0];
    target[1] = source[step];
    target[2] = source[2 * step];
    target[3] = source[thrice];
    target[4] = source[4 * step];
  }
}

/* The same for any number of columns. */
static void unpack(const int8_t *source, int32_t source_row_bytes, int32_t step, int32_t rows,
                   int32_t columns, int32_t *target, int32_t target_row_words) {
  for (; columns >= 5; columns -= 5, source += 5 * step, target += 5) {
    unpack_five(source, source_row_bytes, step, rows, target, target_row_words);
  }
  for (; columns > 0; --columns, source += step, ++target) {
    const int8_t *value = source;
    int32_t *word = target;
    for (int32_t row = 0; row < rows; ++row) {
      *word = *value;
      value += source_row_bytes;
      word += target_row_words;
    }
  }
}

static int32_t least(int32_t a, int32_t b) {
  return a < b ? a : b;
}

static int32_t greatest(int32_t a, int32_t b) {
  return a > b ? a : b;
}

void sotto_depthwise_strips_portable_s8(const sotto_depthwise_strips_portable_params *params,
                                        const int8_t *input, int8_t *output, int8_t *scratch) {
  const sotto_depthwise_strips_portable_params *p = params;
  const portable_requantisation how = {p->fitted, p->rounding_base};
  const int32_t row_words = SOTTO_DEPTHWISE_STRIP_COLUMNS(p->stride_width);
  const int32_t rows = (p->output_height - 1) * p->stride_height + p->kernel_height;
  const int32_t last = p->output_width - DEPTHWISE_STRIP_OUTPUTS;
  const int32_t input_row_bytes = p->input_width * p->channels;
  const int32_t weight_count = p->kernel_height * DEPTHWISE_KERNEL_COLUMNS;
  int32_t *const weights = (int32_t *)(void *)scratch;
  int32_t *const strips = weights + weight_count;
  const int32_t count = (last + 2 * DEPTHWISE_STRIP_OUTPUTS - 1) / DEPTHWISE_STRIP_OUTPUTS;
  /* What lies outside of the input stays as it is for all channels. */
  for (int32_t i = 0; i < count * rows * row_words; ++i) strips[i] = p->pad_value;
  const int32_t top = least(p->pad_top, rows);
  const int32_t rows_inside = least(p->input_height, rows - top);
  for (int32_t channel = 0; channel < p->channels; ++channel) {
    const int32_t *const constants = p->constants + REQUANTISATION_CONSTANTS * channel;
    for (int32_t i = 0; i < weight_count; ++i) {
      weights[i] = p->weights[channel * weight_count + i];
    }
    /* All of a channel is read before its first result is written: that may be in its place. */
    for (int32_t s = 0; s < count; ++s) {
      const int32_t x = least(s * DEPTHWISE_STRIP_OUTPUTS, last) * p->stride_width - p->pad_left;
      const int32_t first = greatest(x, 0);
      const int32_t columns = least(p->input_width, x + row_words) - first;
      unpack(input + first * p->channels + channel, input_row_bytes, p->channels, rows_inside,
             columns, strips + (s * rows + top) * row_words + first - x, row_words);
    }
    for (int32_t s = 0; s < count; ++s) {
      /* The last strip may overlap the one before. */
      const int32_t column = least(s * DEPTHWISE_STRIP_OUTPUTS, last);
      depthwise_strip strip = {
          .row = strips + s * rows * row_words,
          .weights = weights,
          .kernel_height = p->kernel_height,
          .back_words = (p->kernel_height - p->stride_height) * row_words,
          .constants = {constants[0], constants[1]},
          .how = how,
          .output = output + column * p->channels + channel,
          .channels = p->channels,
          .output_row_bytes = p->output_width * p->channels,
          .rows = p->output_height,
      };
      if (p->stride_width == 1) {
        sotto_depthwise_strip_stride1(&strip);
      } else {
        sotto_depthwise_strip_stride2(&strip);
      }
    }
  }
  portable_clamp(output, p->output_height * p->output_width * p->channels, p->activation_min,
                 p->activation_max);
}
