/* value * multiplier / 2^31, ties up, for |value| < 2^29 and 0 <= multiplier < 2^31. */
#ifndef SOTTO_NN_PORTABLE_MULTIPLY_HIGH_H
#define SOTTO_NN_PORTABLE_MULTIPLY_HIGH_H

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) || defined(__XTENSA__)
#include "multiply_high_narrow.h"
#else
#include "multiply_high_wide.h"
#endif

#endif
