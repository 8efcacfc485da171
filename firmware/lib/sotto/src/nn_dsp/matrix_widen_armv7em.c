/* Widening of three windows for Armv7E-M: 11 instructions for 12 bytes.
 *
 *   r0-r2 windows, r3 words, r4 lanes of 128, r5 runs, r6 skip, r7-r12 words, lr groups left of a
 *   run
 *   sp: [0] groups of a run
 */
#include "matrix_block.h"

#ifdef __ARM_FEATURE_DSP
/* `first`: lanes of bytes 0 and 2, and 128. `second`, which has the bytes: 255 - that in its lower
 * bytes, which turns all bits but the sign's, and bytes 1 and 3 as they are. */
#define WIDEN(first, second)         \
  "sxtab16 " #first ", r4, " #second \
  "\n"                               \
  "eor " #second ", " #second ", #0x007f007f\n"

#define GROUP           \
  "ldr r10, [r0], #4\n" \
  "ldr r11, [r1], #4\n" \
  "ldr r12, [r2], #4\n" WIDEN(r7, r10) WIDEN(r8, r11) WIDEN(r9, r12) "stm r3!, {r7-r12}\n"

__attribute__((naked)) void sotto_matrix_widen(__attribute__((unused))
                                               const matrix_windows *windows) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldm r0, {r0-r6}\n"
      "push {r5}\n"
      "mov r5, r4\n"
      "mov r4, #0x00800080\n"
      "1:\n"
      "ldr lr, [sp]\n"
      "lsls r7, lr, #31\n"
      "bne 3f\n" /* an odd number */
      "2:\n" GROUP "3:\n" GROUP
      "subs lr, lr, #2\n"
      "bgt 2b\n"
      "add r0, r0, r6\n"
      "add r1, r1, r6\n"
      "add r2, r2, r6\n"
      "subs r5, r5, #1\n"
      "bne 1b\n"
      "add sp, sp, #4\n"
      "pop {r4-r11, pc}\n");
}
#endif
