/* What both kinds of unpacking share. */
#ifndef SOTTO_NN_PACKED_UNPACKING_H
#define SOTTO_NN_PACKED_UNPACKING_H

#include "sotto/nn_packed.h"

#define PACKED_INLINE static inline __attribute__((always_inline))

/* 16 bits of two values, the first of them the lower. */
typedef uint32_t join_values(int32_t first, int32_t second);

PACKED_INLINE uint32_t join_bytes(int32_t first, int32_t second) {
  return (uint8_t)first | (uint32_t)(uint8_t)second << 8;
}

PACKED_INLINE uint32_t join_lanes(int32_t first, int32_t second) {
  return (uint16_t)(256 * second + first);
}

/* Where the next word goes, and what it is made of. */
typedef struct unpacking {
  int32_t *stream;
  const int32_t *constants;
  const uint8_t *codes;
} unpacking;

PACKED_INLINE void copy_constants(unpacking *at, int32_t count) {
  for (; count > 0; --count) *at->stream++ = *at->constants++;
}

/* Those behind the weights of a block. */
PACKED_INLINE void copy_last_constants(unpacking *at, int32_t count, int32_t aside) {
  while (aside && *at->constants < 0) copy_constants(at, 1);
  copy_constants(at, count);
}

#endif
