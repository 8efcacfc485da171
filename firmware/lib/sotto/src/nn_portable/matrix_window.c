/* The matrix kernel's inner loops for one window. */
#include "matrix_block.h"
#include "pairs.h"
#include "requantise.h"

void sotto_portable_matrix_window(const portable_matrix *matrix) {
  const portable_matrix *m = matrix;
  const int32_t *weights = m->weights;
  const int32_t *constants = m->constants;
  const int16_t *runs = m->runs;
  for (int32_t channel = 0; channel < m->channels; ++channel, constants += 3) {
    const int32_t *const end = weights + m->groups;
    const uint32_t *x = m->windows;
    int32_t sum = constants[0];
    for (;;) {
      const int32_t *const stop = weights + *runs++;
      for (; weights != stop; ++weights, x += WINDOW_WORDS) {
        const uint32_t word = (uint32_t)*weights;
        sum += group_sum(x, first_pair(word), second_pair(word));
      }
      if (weights == end) break;
      const uint32_t word = (uint32_t)*weights++;
      sum += wide_group_sum(x, first_pair(word), second_pair(word));
      x += WINDOW_WORDS;
    }
    const int32_t rounding = m->rounding_base * (1 << constants[2]); /* < 255 * 2^21 */
    m->output[channel] = (int8_t)portable_requantise(sum, constants[1], constants[2] + 1, rounding);
  }
}
