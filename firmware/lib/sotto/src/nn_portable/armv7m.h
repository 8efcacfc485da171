/* Defines SOTTO_ARMV7M where the assembly of this folder runs: Cortex-M with Thumb-2. */
#ifndef SOTTO_NN_PORTABLE_ARMV7M_H
#define SOTTO_NN_PORTABLE_ARMV7M_H

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' && __ARM_ARCH_ISA_THUMB == 2
#define SOTTO_ARMV7M
#endif

#endif
