/* The upper part of a product, for cores with and without a multiplication to 64 bits. */
#ifndef SOTTO_NN_PORTABLE_MULTIPLY_HIGH_H
#define SOTTO_NN_PORTABLE_MULTIPLY_HIGH_H

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) || defined(__XTENSA__)
#include "multiply_high_narrow.h"
#else
#include "multiply_high_wide.h"
#endif

#endif
