/* The DSP instructions of Armv7E-M that kernels and front-end use: real ones, or a model in C. */
#ifndef SOTTO_DSP_INSTRUCTIONS_H
#define SOTTO_DSP_INSTRUCTIONS_H

#ifdef __ARM_FEATURE_DSP
#include "instructions_armv7em.h"
#else
#include "instructions_model.h"
#endif

#endif
