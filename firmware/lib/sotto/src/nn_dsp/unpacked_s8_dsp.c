/* The matrix kernels with a stream in memory: a copy of the parameters points to it. */
#include "sotto/nn_dsp.h"

static sotto_matrix_dsp_params with_stream(const sotto_matrix_dsp_params *params,
                                           const int8_t *stream) {
  sotto_matrix_dsp_params p = *params;
  p.stream = (const int32_t *)(const void *)stream;
  return p;
}

static sotto_matrix_vector_dsp_params vector_with_stream(
    const sotto_matrix_vector_dsp_params *params, const int8_t *stream) {
  sotto_matrix_vector_dsp_params p = *params;
  p.stream = (const int32_t *)(const void *)stream;
  return p;
}

void sotto_matrix_dsp_unpacked_s8(const sotto_matrix_dsp_params *params, const int8_t *stream,
                                  const int8_t *input, int8_t *output, int8_t *scratch) {
  const sotto_matrix_dsp_params p = with_stream(params, stream);
  sotto_matrix_dsp_s8(&p, input, output, scratch);
}

void sotto_matrix_long_dsp_unpacked_s8(const sotto_matrix_dsp_params *params, const int8_t *stream,
                                       const int8_t *input, int8_t *output, int8_t *scratch) {
  const sotto_matrix_dsp_params p = with_stream(params, stream);
  sotto_matrix_long_dsp_s8(&p, input, output, scratch);
}

void sotto_matrix_exact_dsp_unpacked_s8(const sotto_matrix_dsp_params *params, const int8_t *stream,
                                        const int8_t *input, int8_t *output, int8_t *scratch) {
  const sotto_matrix_dsp_params p = with_stream(params, stream);
  sotto_matrix_exact_dsp_s8(&p, input, output, scratch);
}

void sotto_matrix_vector_dsp_unpacked_s8(const sotto_matrix_vector_dsp_params *params,
                                         const int8_t *stream, const int8_t *input, int8_t *output,
                                         int8_t *scratch) {
  const sotto_matrix_vector_dsp_params p = vector_with_stream(params, stream);
  sotto_matrix_vector_dsp_s8(&p, input, output, scratch);
}

void sotto_matrix_vector_exact_dsp_unpacked_s8(const sotto_matrix_vector_dsp_params *params,
                                               const int8_t *stream, const int8_t *input,
                                               int8_t *output, int8_t *scratch) {
  const sotto_matrix_vector_dsp_params p = vector_with_stream(params, stream);
  sotto_matrix_vector_exact_dsp_s8(&p, input, output, scratch);
}
