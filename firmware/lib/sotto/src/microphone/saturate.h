/* What both blocks of a microphone's path end with. */
#ifndef SATURATE_H
#define SATURATE_H

#include <stdint.h>

static inline int16_t saturate(int32_t value) {
  if (value > INT16_MAX) return INT16_MAX;
  return value < INT16_MIN ? INT16_MIN : (int16_t)value;
}

#endif
