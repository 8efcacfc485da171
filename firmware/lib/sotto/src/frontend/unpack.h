/* A packed word in two loads, which extend the signs. */
#ifndef SOTTO_FRONTEND_UNPACK_H
#define SOTTO_FRONTEND_UNPACK_H

typedef union sotto_packed {
  uint32_t word;
  struct {
    int16_t real;
    int16_t imaginary;
  } half;
} sotto_packed;

static inline complex32 sotto_unpack(const uint32_t *word) {
  const sotto_packed *packed = (const sotto_packed *)word;
  return (complex32){packed->half.real, packed->half.imaginary};
}

#endif
