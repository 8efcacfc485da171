/* Depthwise convolution: channels unpacked to planes cut into strips. */
#include "depthwise_strips.h"

#include "bytes.h"
#include "quad.h"

static int32_t less(int32_t a, int32_t b) {
  return a < b ? a : b;
}

/* Unpacks channels from `input` on, for the strips from `begin` on that scratch holds at a time.
 * What the image does not fill keeps its padding. */
static void unpack(const sotto_depthwise_mve_params *p, const int8_t *input, int32_t channels,
                   int32_t begin, int8_t *planes) {
  const int32_t row_bytes = p->input_width * p->channels;
  for (int32_t strip = 0; strip < p->strips_held; ++strip) {
    const int32_t left = (begin + strip) * p->strip_outputs * p->stride_width - p->pad_left;
    const int32_t first = left < 0 ? 0 : left;
    const rectangle size = {
        .rows = less(p->strip_rows - p->pad_top, p->input_height),
        .columns = less(left + p->strip_columns, p->input_width) - first,
        .source_step = row_bytes,
        .target_step = p->strip_columns,
    };
    const int32_t row = strip * p->strip_rows + p->pad_top;
    mve_unpack(planes + row * p->strip_columns + first - left, p->plane_bytes,
               input + first * p->channels, p->channels, channels, size);
  }
}

/* Computes these strips for four channels. */
static void run_quad(const sotto_depthwise_mve_params *p, const int8_t *planes, int32_t begin,
                     depthwise_kernel kernel, depthwise_run *run) {
  int8_t *const output = run->output;
  for (int32_t strip = 0; strip < p->strips_held; ++strip) {
    const int32_t column = (begin + strip) * p->strip_outputs;
    run->window = planes + strip * p->strip_rows * p->strip_columns;
    run->output = output + column * p->channels;
    run->columns = less(p->output_width - column, p->strip_outputs);
    kernel(run);
  }
}

void sotto_depthwise_strips_mve(const sotto_depthwise_mve_params *params, const int8_t *input,
                                int8_t *output, int8_t *scratch, depthwise_kernel kernel,
                                int32_t words_of_quad) {
  const sotto_depthwise_mve_params *p = params;
  const int32_t row_step = p->stride_height * p->strip_columns;
  const int32_t output_row_step = p->output_width * p->channels;
  depthwise_run run = {
      .window = scratch,
      .plane_bytes = p->plane_bytes,
      .row_step = row_step,
      .column_step = p->stride_width - p->output_height * row_step,
      .stream = p->stream,
      .output = output,
      .output_row_step = output_row_step,
      .output_column_step = p->channels - p->output_height * output_row_step,
      .rows = p->output_height,
      .columns = p->strip_outputs,
      .channels = QUAD,
      .ties_away = p->ties_away,
      .rounding_base = p->rounding_base,
      .taps = p->taps,
      .tap_of = p->tap_of,
      .bytes_with_tap = p->bytes_with_tap,
      .vectors = p->vectors,
  };
  /* Strips outside, channels inside: the padding of a strip is that of all its channels. */
  for (int32_t strip = 0; strip < p->strips; strip += p->strips_held) {
    mve_fill(scratch, p->pad_value, SOTTO_DEPTHWISE_MVE_SCRATCH_BYTES(p->planes, p->plane_bytes));
    run.stream = p->stream;
    for (int32_t c = 0; c < p->channels; c += QUAD) {
      const int32_t plane = c % p->planes;
      if (plane == 0) unpack(p, input + c, less(p->channels - c, p->planes), strip, scratch);
      run.channels = less(p->channels - c, QUAD);
      run.output = output + c;
      run_quad(p, scratch + plane * p->plane_bytes, strip, kernel, &run);
      run.stream += words_of_quad;
    }
  }
  if (p->activation_min > INT8_MIN || p->activation_max < INT8_MAX) {
    mve_clamp(output, p->output_height * output_row_step, p->activation_min, p->activation_max);
  }
}
