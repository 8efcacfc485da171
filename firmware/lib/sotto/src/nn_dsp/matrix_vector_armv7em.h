/* How the matrix-vector kernels in assembly end four channels: r2-r5 are their accumulators times
 * 256, r0 is the stream.
 *
 *   sp: [0] words, [4] output, [8] end of the stream, [20] rounding base; 28 bytes in all
 */
#ifndef SOTTO_NN_DSP_MATRIX_VECTOR_ARMV7EM_H
#define SOTTO_NN_DSP_MATRIX_VECTOR_ARMV7EM_H

#include "requantise_armv7em.h"

#define REQUANTISE_FITTED                                                                   \
  "ldm r0!, {r6, r7, r8, r9}\n" FITTED_PRODUCT(r2, r6) FITTED_PRODUCT(r3, r7)               \
      FITTED_PRODUCT(r4, r8) FITTED_PRODUCT(r5, r9) SATURATE_FITTED(r2) SATURATE_FITTED(r3) \
          SATURATE_FITTED(r4) SATURATE_FITTED(r5)
#define REQUANTISE_CHANNEL_EXACTLY(acc, multiplier) \
  "and r10, " #acc                                  \
  ", #31\n" /* exponent - 1 */                      \
  "lsl r1, r11, r10\n" REQUANTISE(acc, multiplier, r10, r1, r1)
#define REQUANTISE_EXACTLY                                                                     \
  "ldm r0!, {r6, r7, r8, r9}\n" /* multipliers */                                              \
  "ldr r11, [sp, #20]\n" REQUANTISE_CHANNEL_EXACTLY(r2, r6) REQUANTISE_CHANNEL_EXACTLY(r3, r7) \
      REQUANTISE_CHANNEL_EXACTLY(r4, r8) REQUANTISE_CHANNEL_EXACTLY(r5, r9)
#define STORE_AND_END       \
  "bfi r2, r3, #8, #8\n"    \
  "bfi r2, r4, #16, #8\n"   \
  "bfi r2, r5, #24, #8\n"   \
  "ldrd r6, r7, [sp, #4]\n" \
  "str r2, [r6], #4\n"      \
  "str r6, [sp, #4]\n"      \
  "cmp r0, r7\n"            \
  "bne 1b\n"                \
  "add sp, sp, #28\n"       \
  "pop {r4-r11, pc}\n"

#endif
