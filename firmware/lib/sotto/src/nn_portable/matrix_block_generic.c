/* The matrix kernel's inner loops in C. */
#include "matrix_block.h"

#include "armv7m.h"

#ifndef SOTTO_ARMV7M
#include "pairs.h"
#include "requantise.h"

#define GROUP_WORDS (MATRIX_BLOCK_WINDOWS * WINDOW_WORDS)

/* Adds groups that fit, up to the weights' `end`. */
static void add_run(const uint32_t *x, const int32_t *weights, const int32_t *end,
                    int32_t sums[MATRIX_BLOCK_WINDOWS]) {
  int32_t a = sums[0];
  int32_t b = sums[1];
  int32_t c = sums[2];
  int32_t d = sums[3];
  int32_t e = sums[4];
  int32_t f = sums[5];
  for (; weights != end; ++weights, x += GROUP_WORDS) {
    const uint32_t first = first_pair((uint32_t)*weights);
    const uint32_t second = second_pair((uint32_t)*weights);
    a += group_sum(x, first, second);
    b += group_sum(x + WINDOW_WORDS, first, second);
    c += group_sum(x + 2 * WINDOW_WORDS, first, second);
    d += group_sum(x + 3 * WINDOW_WORDS, first, second);
    e += group_sum(x + 4 * WINDOW_WORDS, first, second);
    f += group_sum(x + 5 * WINDOW_WORDS, first, second);
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
  sums[4] = e;
  sums[5] = f;
}

static void add_wide_group(const uint32_t *x, uint32_t weights,
                           int32_t sums[MATRIX_BLOCK_WINDOWS]) {
  for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w, x += WINDOW_WORDS) {
    sums[w] += wide_group_sum(x, first_pair(weights), second_pair(weights));
  }
}

void sotto_portable_matrix_block(const portable_matrix *matrix) {
  const portable_matrix *m = matrix;
  const int32_t *weights = m->weights;
  const int32_t *constants = m->constants;
  const int16_t *runs = m->runs;
  for (int32_t channel = 0; channel < m->channels; ++channel, constants += 3) {
    const int32_t *const end = weights + m->groups;
    const uint32_t *x = m->windows;
    int32_t sums[MATRIX_BLOCK_WINDOWS];
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) sums[w] = constants[0];
    for (;;) {
      const int32_t run = *runs++;
      add_run(x, weights, weights + run, sums);
      x += run * GROUP_WORDS;
      weights += run;
      if (weights == end) break;
      add_wide_group(x, (uint32_t)*weights++, sums);
      x += GROUP_WORDS;
    }
    const int32_t rounding = m->rounding_base * (1 << constants[2]); /* < 255 * 2^21 */
    int8_t *output = m->output + channel;
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w, output += m->channels) {
      *output = (int8_t)portable_requantise(sums[w], constants[1], constants[2] + 1, rounding);
    }
  }
}
#endif
