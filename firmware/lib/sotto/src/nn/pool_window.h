/* The part of a pooling window that lies inside of the input. */
#ifndef SOTTO_NN_POOL_WINDOW_H
#define SOTTO_NN_POOL_WINDOW_H

#include "sotto/nn.h"

typedef struct pool_window {
  int32_t top;
  int32_t bottom; /* one after the last row */
  int32_t left;
  int32_t right; /* one after the last column */
} pool_window;

/* Window of output position (oy, ox). It holds one tap at least: padding is less than the filter.
 */
static inline pool_window pool_window_at(const sotto_pool_params *p, int32_t oy, int32_t ox) {
  const int32_t top = oy * p->stride_height - p->pad_top;
  const int32_t left = ox * p->stride_width - p->pad_left;
  const int32_t bottom = top + p->filter_height;
  const int32_t right = left + p->filter_width;
  const pool_window window = {
      .top = top > 0 ? top : 0,
      .bottom = bottom < p->input_height ? bottom : p->input_height,
      .left = left > 0 ? left : 0,
      .right = right < p->input_width ? right : p->input_width,
  };
  return window;
}

#endif
