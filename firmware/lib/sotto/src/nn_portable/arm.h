/* Which assembly of this folder runs: SOTTO_ARMV7M is defined for Cortex-M with Thumb-2,
 * SOTTO_ARMV6M for those without. */
#ifndef SOTTO_NN_PORTABLE_ARM_H
#define SOTTO_NN_PORTABLE_ARM_H

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#if __ARM_ARCH_ISA_THUMB == 2
#define SOTTO_ARMV7M
#else
#define SOTTO_ARMV6M
#endif
#endif

#endif
