/* Widening of three windows for Armv7E-M: 15 instructions for 12 bytes.
 *
 *   r0-r2 windows, r3 words, r4 runs, r5 groups of a run, r6 skip, lr groups left
 */
#include "matrix_block.h"

#ifdef __ARM_FEATURE_DSP
/* `first`: lanes of bytes 0 and 2 with their signs turned. `second`, which has the bytes: with the
 * sign of bytes 0 and 2 turned and then all their bits, and bytes 1 and 3 as they are. */
#define WIDEN(first, second)  \
  "eor " #first ", " #second  \
  ", #0x80808080\n"           \
  "eor " #second ", " #second \
  ", #0x007f007f\n"           \
  "uxtb16 " #first ", " #first "\n"

__attribute__((naked)) void sotto_matrix_widen(__attribute__((unused))
                                               const matrix_windows *windows) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldm r0, {r0-r6}\n"
      "1:\n"
      "mov lr, r5\n"
      "2:\n"
      "ldr r10, [r0], #4\n"
      "ldr r11, [r1], #4\n"
      "ldr r12, [r2], #4\n"
      WIDEN(r7, r10) WIDEN(r8, r11) WIDEN(r9, r12)
      "stm r3!, {r7-r12}\n"
      "subs lr, lr, #1\n"
      "bne 2b\n"
      "add r0, r0, r6\n"
      "add r1, r1, r6\n"
      "add r2, r2, r6\n"
      "subs r4, r4, #1\n"
      "bne 1b\n"
      "pop {r4-r11, pc}\n");
}
#endif
