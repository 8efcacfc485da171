/* Sum of a depthwise column to its stored result. */
#ifndef SOTTO_NN_STEP_COLUMN_RESULT_H
#define SOTTO_NN_STEP_COLUMN_RESULT_H

#ifdef __ARM_FEATURE_DSP
#include "column_result_armv7em.h"
#else
#include "column_result_generic.h"
#endif

#endif
