/* Packed complex words in portable C. */
#ifndef SOTTO_FRONTEND_COMPLEX32_H
#define SOTTO_FRONTEND_COMPLEX32_H

#include <stdint.h>

#include "stages.h"

typedef struct complex32 {
  int32_t real;
  int32_t imaginary;
} complex32;

#if SOTTO_FRONTEND_NARROW
#include "unpack_narrow.h"
#else
#include "unpack.h"
#endif

#endif
