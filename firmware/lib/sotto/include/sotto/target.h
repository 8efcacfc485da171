/* Which of the generated ahead-of-time files a build compiles.
 *
 * generated/ holds the network once for every kind of core, each with its own packing of the
 * weights. Each file is empty in a build for another kind. Define SOTTO_TARGET as one of the
 * numbers below to choose by hand; all kernels compute the same bytes on any machine. */
#ifndef SOTTO_TARGET_H
#define SOTTO_TARGET_H

#define SOTTO_TARGET_REFERENCE 0 /* sotto/nn.h alone: to compare with, not in generated/ */
#define SOTTO_TARGET_PORTABLE 1  /* any core */
#define SOTTO_TARGET_DSP 2       /* sotto/nn_dsp.h: Armv7E-M, such as Cortex-M4 and M7 */
#define SOTTO_TARGET_MVE 3       /* sotto/nn_mve.h: Armv8.1-M with Helium, such as Cortex-M55 */

#ifndef SOTTO_TARGET
#if defined(__ARM_FEATURE_MVE)
#define SOTTO_TARGET SOTTO_TARGET_MVE
#elif defined(__ARM_FEATURE_DSP)
#define SOTTO_TARGET SOTTO_TARGET_DSP
#else
#define SOTTO_TARGET SOTTO_TARGET_PORTABLE
#endif
#endif

#endif
