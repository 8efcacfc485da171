/* The sparse matrix kernel's inner loop for Armv7E-M, in assembly: 14 instructions for 12
 * multiply-accumulates of a group.
 *
 *   r0 words of the windows, r1 stream, r2 end of a channel's weights, r3 places, r4-r6
 *   accumulators, r7 weights, r8-r12 and lr words
 *   sp: [0] output, [4] window stride, [8] channels left
 */
#include "matrix_sparse.h"

#ifdef __ARM_FEATURE_DSP
#include "requantise_armv7em.h"

__attribute__((naked)) void sotto_matrix_sparse_block(__attribute__((unused))
                                                      const matrix_block *block) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldm r0, {r0-r4}\n" /* words, output, stride, any, stream */
      "ldr r5, [r4], #4\n"
      "push {r1, r2, r5}\n"
      "mov r1, r4\n"
      "1:\n"
      "ldr r4, [r1], #4\n" /* bias */
      "ldr r2, [r1], #4\n"
      "mov r5, r4\n"
      "mov r6, r4\n"
      "add r2, r1, r2, lsl #2\n"
      "mov r3, r2\n"
      "cmp r1, r2\n"
      "beq 3f\n"
      "2:\n"
      "ldrb r8, [r3], #1\n"
      "ldr r7, [r1], #4\n"
      "add r8, r8, r8, lsl #1\n" /* a group has six words */
      "add r8, r0, r8, lsl #3\n"
      "ldm r8, {r8, r9, r10, r11, r12, lr}\n"
      "smlad r4, r8, r7, r4\n"
      "smlad r5, r9, r7, r5\n"
      "smlad r6, r10, r7, r6\n"
      "sxtb16 r7, r7\n"
      "smlad r4, r11, r7, r4\n"
      "smlad r5, r12, r7, r5\n"
      "smlad r6, lr, r7, r6\n"
      "cmp r1, r2\n"
      "bne 2b\n"
      "3:\n"
      "add r3, r3, #3\n" /* places fill words */
      "bic r1, r3, #3\n"
      "ldr r7, [r1], #4\n" FITTED_PRODUCT(r4, r7) FITTED_PRODUCT(r5, r7) FITTED_PRODUCT(r6, r7)
          SATURATE_FITTED(r4) SATURATE_FITTED(r5) SATURATE_FITTED(r6)
      "ldm sp, {r8, r9, r10}\n"
      "strb r5, [r8, r9]\n"
      "strb r6, [r8, r9, lsl #1]\n"
      "strb r4, [r8], #1\n"
      "subs r10, r10, #1\n"
      "str r8, [sp]\n"
      "str r10, [sp, #8]\n"
      "bne 1b\n"
      "add sp, sp, #12\n"
      "pop {r4-r11, pc}\n");
}
#endif
