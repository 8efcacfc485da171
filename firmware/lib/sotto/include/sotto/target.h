/* Which of the generated ahead-of-time files a build compiles.
 *
 * generated/ holds the network once for every kind of core: portable kernels, and the packed
 * weights of sotto/nn_dsp.h. Each file is empty in a build for the other kind. Define
 * SOTTO_TARGET_DSP as 0 or 1 to choose by hand; the packed kernels compute the same bytes on any
 * machine. */
#ifndef SOTTO_TARGET_H
#define SOTTO_TARGET_H

#ifndef SOTTO_TARGET_DSP
#ifdef __ARM_FEATURE_DSP
#define SOTTO_TARGET_DSP 1
#else
#define SOTTO_TARGET_DSP 0
#endif
#endif

#endif
