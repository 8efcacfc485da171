/* The matrix kernel's inner loops in C. */
#include "matrix_block.h"

#include "armv7m.h"

#ifndef SOTTO_ARMV7M
#include "pairs.h"

#define GROUP_WORDS (MATRIX_BLOCK_WINDOWS * WINDOW_WORDS)

/* Sums of the products of all groups. */
static void add_groups(const uint32_t *x, const int32_t *weights, const int32_t *end,
                       int32_t sums[MATRIX_BLOCK_WINDOWS]) {
  int32_t a = 0;
  int32_t b = 0;
  int32_t c = 0;
  int32_t d = 0;
  int32_t e = 0;
  int32_t f = 0;
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

void sotto_portable_matrix_block(const portable_matrix *matrix) {
  const portable_matrix *m = matrix;
  const int32_t *stream = m->stream;
  for (int32_t channel = 0; channel < m->channels; ++channel) {
    int32_t sums[MATRIX_BLOCK_WINDOWS];
    add_groups(m->windows, stream, stream + m->groups, sums);
    for (stream += m->groups; *stream < 0; ++stream) {
      const uint32_t *const x = m->windows + aside_group(*stream) * GROUP_WORDS + 1;
      for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w) {
        sums[w] += aside_sum(x[w * WINDOW_WORDS], *stream);
      }
    }
    int8_t *output = m->output + channel;
    for (int w = 0; w < MATRIX_BLOCK_WINDOWS; ++w, output += m->channels) {
      *output = portable_requantise(&m->how, sums[w], stream);
    }
    stream += portable_constant_count(&m->how);
  }
}
#endif
