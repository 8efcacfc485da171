/* Room for new values at the end of a state. */
#include <string.h>

#include "sotto/nn.h"

#define WORD_BYTES 4

void sotto_shift_s8(const sotto_shift_params *params, int8_t *state) {
  const int8_t *source = state + params->dropped_bytes;
  const int8_t *const end = source + params->kept_bytes;
  /* A word never overlaps its new place: those dropped before it are as many or more. */
  if (params->dropped_bytes >= WORD_BYTES) {
    for (; end - source >= WORD_BYTES; source += WORD_BYTES, state += WORD_BYTES) {
      memcpy(state, source, WORD_BYTES);
    }
  }
  while (source < end) *state++ = *source++;
}
