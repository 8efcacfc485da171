/* The matrix kernel's loop over channels in C. */
#include "matrix_block.h"

#include "arm.h"

#ifndef SOTTO_ARMV7M
#include "pairs.h"

#define GROUP_WORDS (MATRIX_BLOCK_WINDOWS * WINDOW_WORDS)

/* Adds a pair that the stream sets aside in `word`. */
static void add_aside(const uint32_t *windows, int32_t word, int32_t *sums) {
  const uint32_t weights = aside_pair(word);
  const uint32_t *first = windows + aside_group(word) * GROUP_WORDS;
  for (const int32_t *const end = sums + MATRIX_BLOCK_WINDOWS; sums != end; ++sums) {
    *sums += pair_sum(*first, weights);
    first += WINDOW_WORDS;
  }
}

void sotto_portable_matrix_block(const portable_matrix *matrix) {
  const portable_matrix m = *matrix; /* of its own: nothing that is written can change it */
  const int32_t *stream = m.stream;
  for (int32_t channel = 0; channel < m.channels; ++channel) {
    int32_t sums[MATRIX_BLOCK_WINDOWS];
    const int32_t *const end = stream + m.groups;
    sotto_portable_matrix_groups(m.windows, stream, end, sums);
    for (stream = end; *stream < 0; ++stream) add_aside(m.windows, *stream, sums);
    portable_requantise_all(&m.how, sums, MATRIX_BLOCK_WINDOWS, stream, m.output + channel,
                            m.channels);
    stream += REQUANTISATION_CONSTANTS;
  }
}
#endif
