/* unpack.h for cores that need more than an instruction for such a load. */
#ifndef SOTTO_FRONTEND_UNPACK_NARROW_H
#define SOTTO_FRONTEND_UNPACK_NARROW_H

static inline complex32 sotto_unpack(const uint32_t *word) {
  return (complex32){sotto_real(*word), sotto_imaginary(*word)};
}

#endif
