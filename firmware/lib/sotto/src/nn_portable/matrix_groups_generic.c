/* The matrix kernel's innermost loop in C. */
#include "matrix_block.h"

#include "arm.h"

#if !defined(SOTTO_ARMV7M) && !defined(SOTTO_ARMV6M)
#include "pairs.h"

#define GROUP_WORDS (MATRIX_BLOCK_WINDOWS * WINDOW_WORDS)

void sotto_portable_matrix_groups(const uint32_t *x, const int32_t *weights, const int32_t *end,
                                  int32_t *sums) {
  int32_t a = 0;
  int32_t b = 0;
  int32_t c = 0;
  int32_t d = 0;
  int32_t e = 0;
  int32_t f = 0;
  for (; weights != end; ++weights, x += GROUP_WORDS) {
    const uint32_t four = (uint32_t)*weights;
    const uint32_t second = second_pair(four);
    a += group_sum(x, four, second);
    b += group_sum(x + WINDOW_WORDS, four, second);
    c += group_sum(x + 2 * WINDOW_WORDS, four, second);
    d += group_sum(x + 3 * WINDOW_WORDS, four, second);
    e += group_sum(x + 4 * WINDOW_WORDS, four, second);
    f += group_sum(x + 5 * WINDOW_WORDS, four, second);
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
  sums[4] = e;
  sums[5] = f;
}
#endif
