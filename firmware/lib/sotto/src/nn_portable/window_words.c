#include "window_words.h"

#include "pairs.h"

/* Writes `groups` groups of bytes; returns where the next one goes. */
static inline uint32_t *widen(const int8_t *bytes, int32_t groups, uint32_t *words,
                              int32_t step_words) {
  for (; groups > 0; --groups, bytes += 4, words += step_words) {
    widen_group(bytes, words);
  }
  return words;
}

/* All bytes of the window, one behind the other, and zeros behind them: their weights are 0. */
static void gather(const sotto_matrix_portable_params *p, const int8_t *row, int8_t *target) {
  int8_t *const end = target + 4 * p->groups;
  for (int32_t y = 0; y < p->kernel_rows; ++y, row += p->kernel_row_step_bytes) {
    for (int32_t run = 0; run < p->row_runs; ++run) {
      const int8_t *const bytes = row + run * p->run_step_bytes;
      for (int32_t i = 0; i < p->run_bytes; ++i) *target++ = bytes[i];
    }
  }
  while (target != end) *target++ = 0;
}

void sotto_portable_window(const sotto_matrix_portable_params *params, const int8_t *first,
                           int8_t *patch, uint32_t *words, int32_t step_words) {
  const sotto_matrix_portable_params *p = params;
  if (!p->in_words) {
    gather(p, first, patch);
    widen(patch, p->groups, words, step_words);
    return;
  }
  const int32_t row_groups = p->run_bytes / 4;
  const int32_t row_step_bytes = p->kernel_row_step_bytes;
  for (int32_t rows = p->kernel_rows; rows > 0; --rows, first += row_step_bytes) {
    words = widen(first, row_groups, words, step_words);
  }
}
