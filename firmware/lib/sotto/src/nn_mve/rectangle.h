/* A rectangle of bytes or of pixels that moves. */
#ifndef SOTTO_NN_MVE_RECTANGLE_H
#define SOTTO_NN_MVE_RECTANGLE_H

#include <stdint.h>

typedef struct rectangle {
  int32_t rows;        /* none where 0 or less */
  int32_t columns;     /* likewise */
  int32_t source_step; /* bytes from a row to the next */
  int32_t target_step;
} rectangle;

#endif
