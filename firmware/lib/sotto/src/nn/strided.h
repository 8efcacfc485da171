/* Where an element lies in a tensor of any strides. */
#ifndef SOTTO_NN_STRIDED_H
#define SOTTO_NN_STRIDED_H

#include "sotto/nn.h"

/* Offset of element `index`, counted with the last dimension fastest. */
static inline int32_t strided_offset(int32_t index, const int32_t *extents,
                                     const int32_t *strides) {
  int32_t offset = 0;
  for (int d = SOTTO_STRIDED_DIMENSIONS - 1; d >= 0; --d) {
    offset += index % extents[d] * strides[d];
    index /= extents[d];
  }
  return offset;
}

#endif
