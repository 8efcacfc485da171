/* Room for new values at the end of a state. */
#include <string.h>

#include "sotto/nn.h"

#define WORD_BYTES ((int32_t)sizeof(uint32_t))

/* What one pair of load and store multiple moves. */
typedef struct block {
  uint32_t words[4];
} block;

#define BLOCK_BYTES ((int32_t)sizeof(block))

void sotto_shift_s8(const sotto_shift_params *params, int8_t *state) {
  const int32_t dropped = params->dropped_bytes;
  int32_t done = 0;
  /* No block overlaps its new place, and all of them lie at words as the state does. */
  if (dropped >= BLOCK_BYTES && dropped % WORD_BYTES == 0) {
    for (; params->kept_bytes - done >= BLOCK_BYTES; done += BLOCK_BYTES) {
      *(block *)(void *)(state + done) = *(const block *)(const void *)(state + done + dropped);
    }
  }
  if (dropped >= WORD_BYTES) {
    for (; params->kept_bytes - done >= WORD_BYTES; done += WORD_BYTES) {
      memcpy(state + done, state + done + dropped, (size_t)WORD_BYTES);
    }
  }
  for (; done < params->kept_bytes; ++done) state[done] = state[done + dropped];
}
