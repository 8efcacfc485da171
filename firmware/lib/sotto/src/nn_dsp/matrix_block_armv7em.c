/* The matrix kernel's inner loops for Armv7E-M, in assembly: 17 instructions for 24
 * multiply-accumulates need all 14 registers, which no compiler allots by itself.
 *
 *   r0 windows, r1 stream, r2-r3 weights, r4-r6 windows' words, r7-r9 channel a, r10-r12 channel b
 *   sp: [0] windows, [4] groups / 4, [8] groups % 4, [12] output, [16] window stride,
 *       [20] rounding base, [24] channel pairs left
 */
#include "matrix_block.h"

#ifdef __ARM_FEATURE_DSP
#include "requantise_armv7em.h"

#define SIX_PRODUCTS         \
  "smlad r7, r4, r2, r7\n"   \
  "smlad r8, r5, r2, r8\n"   \
  "smlad r9, r6, r2, r9\n"   \
  "smlad r10, r4, r3, r10\n" \
  "smlad r11, r5, r3, r11\n" \
  "smlad r12, r6, r3, r12\n"
#define GROUP                            \
  "ldm r1!, {r2, r3}\n"                  \
  "ldm r0!, {r4, r5, r6}\n" SIX_PRODUCTS \
  "sxtb16 r2, r2\n"                      \
  "sxtb16 r3, r3\n"                      \
  "ldm r0!, {r4, r5, r6}\n" SIX_PRODUCTS

__attribute__((naked)) void sotto_matrix_block(__attribute__((unused)) const matrix_block *block) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldm r0, {r0-r6}\n" /* windows, stream, output, groups, pairs, stride, base */
      "sub sp, sp, #28\n"
      "str r0, [sp]\n"
      "lsr r7, r3, #2\n"
      "str r7, [sp, #4]\n"
      "and r3, r3, #3\n"
      "str r3, [sp, #8]\n"
      "str r2, [sp, #12]\n"
      "str r5, [sp, #16]\n"
      "str r6, [sp, #20]\n"
      "str r4, [sp, #24]\n"
      "1:\n" /* two channels */
      "ldr lr, [sp, #8]\n"
      "ldm r1!, {r7, r10}\n"
      "mov r8, r7\n"
      "mov r9, r7\n"
      "mov r11, r10\n"
      "mov r12, r10\n"
      "cmp lr, #0\n"
      "beq 3f\n"
      "2:\n" GROUP
      "subs lr, lr, #1\n"
      "bne 2b\n"
      "3:\n"
      "ldr lr, [sp, #4]\n"
      "cmp lr, #0\n"
      "beq 5f\n"
      "4:\n" GROUP GROUP GROUP GROUP
      "subs lr, lr, #1\n"
      "bne 4b\n"
      "5:\n"
      "ldm r1!, {r2, r3, r4, r5}\n" /* multipliers a and b, exponents - 1 of a and b */
      "ldr lr, [sp, #20]\n"
      "lsl r6, lr, r4\n"
      REQUANTISE(r7, r2, r4, r6, r0) REQUANTISE(r8, r2, r4, r6, r0) REQUANTISE(r9, r2, r4, r6, r0)
      "lsl r6, lr, r5\n"
      REQUANTISE(r10, r3, r5, r6, r0) REQUANTISE(r11, r3, r5, r6, r0) REQUANTISE(r12, r3, r5, r6, r0)
      "ldr r0, [sp, #12]\n"
      "ldr r3, [sp, #16]\n"
      "strb r7, [r0]\n"
      "strb r8, [r0, r3]\n"
      "strb r9, [r0, r3, lsl #1]\n"
      "adds r0, r0, #1\n"
      "strb r10, [r0]\n"
      "strb r11, [r0, r3]\n"
      "strb r12, [r0, r3, lsl #1]\n"
      "adds r0, r0, #1\n"
      "str r0, [sp, #12]\n"
      "ldr r4, [sp, #24]\n"
      "subs r4, r4, #1\n"
      "str r4, [sp, #24]\n"
      "ldr r0, [sp]\n"
      "bne 1b\n"
      "add sp, sp, #28\n"
      "pop {r4-r11, pc}\n");
}
#endif
