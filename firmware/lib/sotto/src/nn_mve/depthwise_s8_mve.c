/* Depthwise convolution: channels unpacked to planes, of which a vector holds a whole window. */
#include "bytes.h"
#include "depthwise_run.h"
#include "quad.h"
#include "sotto/nn_mve.h"

static int32_t less(int32_t a, int32_t b) {
  return a < b ? a : b;
}

/* Unpacks `lanes` channels from `input` on; what the image does not fill is padding. */
static void unpack(const sotto_depthwise_mve_params *p, const int8_t *input, int32_t lanes,
                   int8_t *planes) {
  mve_fill(planes, p->pad_value, SOTTO_DEPTHWISE_MVE_CHANNELS * p->plane_bytes);
  const int32_t rows_end = less(p->strip_rows, p->pad_top + p->input_height);
  for (int32_t strip = 0; strip < p->strips; ++strip) {
    const int32_t left = strip * p->strip_outputs * p->stride_width - p->pad_left;
    const int32_t first = left < 0 ? 0 : left;
    const int32_t count = less(left + p->strip_columns, p->input_width) - first;
    const int8_t *source = input + first * p->channels;
    int8_t *target = planes + strip * p->strip_rows * p->strip_columns + first - left;
    target += p->pad_top * p->strip_columns;
    for (int32_t row = p->pad_top; row < rows_end; ++row) {
      mve_unpack(target, p->plane_bytes, source, p->channels, count, lanes);
      source += p->input_width * p->channels;
      target += p->strip_columns;
    }
  }
}

static void run_quad(const sotto_depthwise_mve_params *p, const int8_t *planes, depthwise_run run) {
  int8_t *const output = run.output;
  for (int32_t strip = 0; strip < p->strips; ++strip) {
    const int32_t column = strip * p->strip_outputs;
    run.window = planes + strip * p->strip_rows * p->strip_columns;
    run.output = output + column * p->channels;
    run.columns = less(p->output_width - column, p->strip_outputs);
    if (p->vectors == 1) {
      sotto_depthwise_run_mve(&run);
    } else {
      sotto_depthwise_run_long_mve(&run);
    }
  }
}

void sotto_depthwise_mve_s8(const sotto_depthwise_mve_params *params, const int8_t *input,
                            int8_t *output, int8_t *scratch) {
  const sotto_depthwise_mve_params *p = params;
  const int32_t row_step = p->stride_height * p->strip_columns;
  const int32_t output_row_step = p->output_width * p->channels;
  const int32_t words_of_quad = QUAD * (QUAD + p->vectors * (VECTOR_BYTES / 4));
  depthwise_run run = {
      .plane_bytes = p->plane_bytes,
      .row_step = row_step,
      .column_step = p->stride_width - p->output_height * row_step,
      .stream = p->stream,
      .output_row_step = output_row_step,
      .output_column_step = p->channels - p->output_height * output_row_step,
      .rows = p->output_height,
      .vectors = p->vectors,
      .ties_away = p->ties_away,
  };
  for (int32_t c = 0; c < p->channels; c += QUAD) {
    const int32_t plane = c % SOTTO_DEPTHWISE_MVE_CHANNELS;
    if (plane == 0) {
      unpack(p, input + c, less(p->channels - c, SOTTO_DEPTHWISE_MVE_CHANNELS), scratch);
    }
    run.lanes = less(p->channels - c, QUAD);
    run.output = output + c;
    run_quad(p, scratch + plane * p->plane_bytes, run);
    run.stream += words_of_quad;
  }
  if (p->activation_min > INT8_MIN || p->activation_max < INT8_MAX) {
    mve_clamp(output, p->output_height * output_row_step, p->activation_min, p->activation_max);
  }
}
