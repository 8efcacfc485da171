/* Moving bytes: by vectors, or by C for machines without them. */
#ifndef SOTTO_NN_MVE_BYTES_H
#define SOTTO_NN_MVE_BYTES_H

#ifdef __ARM_FEATURE_MVE
#include "bytes_armv81m.h"
#else
#include "bytes_model.h"
#endif

#endif
