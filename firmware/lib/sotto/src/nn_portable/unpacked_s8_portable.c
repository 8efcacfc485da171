/* The matrix kernel with a stream in memory: a copy of the parameters points to it. */
#include "sotto/nn_portable.h"

void sotto_matrix_portable_unpacked_s8(const sotto_matrix_portable_params *params,
                                       const int8_t *stream, const int8_t *input, int8_t *output,
                                       int8_t *scratch) {
  sotto_matrix_portable_params p = *params;
  p.stream = (const int32_t *)(const void *)stream;
  sotto_matrix_portable_s8(&p, input, output, scratch);
}
