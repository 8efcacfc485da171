#include "clamp.h"

void sotto_dsp_clamp(int8_t *values, int32_t count, int32_t low, int32_t high) {
  if (low <= INT8_MIN && high >= INT8_MAX) return;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t floored = values[i] < low ? low : values[i];
    values[i] = (int8_t)(floored > high ? high : floored);
  }
}
