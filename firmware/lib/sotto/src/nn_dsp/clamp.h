/* Activations that saturation alone does not give. */
#ifndef SOTTO_NN_DSP_CLAMP_H
#define SOTTO_NN_DSP_CLAMP_H

#include <stdint.h>

void sotto_dsp_clamp(int8_t *values, int32_t count, int32_t low, int32_t high);

#endif
