/* The matrix kernel's inner loops for one window. */
#include "matrix_block.h"
#include "pairs.h"

void sotto_portable_matrix_window(const portable_matrix *matrix) {
  const portable_matrix *m = matrix;
  const int32_t *stream = m->stream;
  for (int32_t channel = 0; channel < m->channels; ++channel) {
    const uint32_t *x = m->windows;
    int32_t sum = 0;
    for (const int32_t *const end = stream + m->groups; stream != end; x += WINDOW_WORDS) {
      const uint32_t word = (uint32_t)*stream++;
      sum += group_sum(x, word, second_pair(word));
    }
    for (; *stream < 0; ++stream) {
      const uint32_t first = m->windows[aside_group(*stream) * WINDOW_WORDS];
      sum += pair_sum(first, aside_pair(*stream));
    }
    m->output[channel] = portable_requantise(&m->how, sum, stream);
    stream += REQUANTISATION_CONSTANTS;
  }
}
