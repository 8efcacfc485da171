/* What depthwise layers share, whatever the length of their windows. */
#ifndef SOTTO_NN_MVE_DEPTHWISE_STRIPS_H
#define SOTTO_NN_MVE_DEPTHWISE_STRIPS_H

#include "depthwise_run.h"
#include "sotto/nn_mve.h"

typedef void (*depthwise_kernel)(const depthwise_run *run);

/* Unpacks the channels and lets `kernel` compute each strip of each four of them. The stream has
 * words_of_quad words for four channels. */
void sotto_depthwise_strips_mve(const sotto_depthwise_mve_params *params, const int8_t *input,
                                int8_t *output, int8_t *scratch, depthwise_kernel kernel,
                                int32_t words_of_quad);

#endif
