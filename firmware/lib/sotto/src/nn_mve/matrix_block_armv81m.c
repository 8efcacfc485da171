/* The matrix kernel's inner loops for Armv8.1-M, in assembly: two windows times four channels take
 * all eight even registers as accumulators, which leaves none for a compiler to loop with.
 *
 *   r0, r2, r4, r6 first window, r8, r10, r12, lr second window
 *   r9, r11 windows' bytes, r3 stream, r1 counts, r5, r7 outputs (narrow stores want low registers)
 *   sp: [0] first window, [4] second window, [8] vectors / 4, [12] vectors % 4,
 *       [16] end of the first output, [20] ties_away
 */
#include "matrix_block.h"

#ifdef __ARM_FEATURE_MVE

/* 16 bytes of both windows times those of four channels. Loads and products alternate, since the
 * core does one of each at a time. */
#define STEP                  \
  "vldrb.8 q0, [r9], #16\n"   \
  "vldrb.8 q2, [r3], #16\n"   \
  "vldrb.8 q1, [r11], #16\n"  \
  "vmladava.s8 r0, q0, q2\n"  \
  "vldrb.8 q3, [r3], #16\n"   \
  "vmladava.s8 r8, q1, q2\n"  \
  "vmladava.s8 r2, q0, q3\n"  \
  "vldrb.8 q2, [r3], #16\n"   \
  "vmladava.s8 r10, q1, q3\n" \
  "vmladava.s8 r4, q0, q2\n"  \
  "vldrb.8 q3, [r3], #16\n"   \
  "vmladava.s8 r12, q1, q2\n" \
  "vmladava.s8 r6, q0, q3\n"  \
  "vmladava.s8 lr, q1, q3\n"

__attribute__((naked)) void sotto_matrix_block_mve(__attribute__((unused))
                                                   const matrix_block *block) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "sub sp, sp, #28\n"
      "ldrd r9, r3, [r0]\n"
      "ldrd r5, r7, [r0, #8]\n"
      "ldrd r2, r4, [r0, #16]\n" /* vectors, quads */
      "ldr r6, [r0, #24]\n"
      "add r11, r9, r2, lsl #4\n"
      "strd r9, r11, [sp]\n"
      "lsr r1, r2, #2\n"
      "and r2, r2, #3\n"
      "strd r1, r2, [sp, #8]\n"
      "add r4, r5, r4, lsl #2\n"
      "strd r4, r6, [sp, #16]\n"
      "1:\n" /* four channels */
      "ldm r3!, {r0, r2, r4, r6}\n"
      "ldrd r9, r11, [sp]\n"
      "mov r8, r0\n"
      "mov r10, r2\n"
      "mov r12, r4\n"
      "mov lr, r6\n"
      "ldr r1, [sp, #12]\n"
      "cbz r1, 3f\n"
      "2:\n" STEP
      "subs r1, r1, #1\n"
      "bne 2b\n"
      "3:\n"
      "ldr r1, [sp, #8]\n"
      "cmp r1, #0\n"
      "beq 5f\n"
      "4:\n" STEP STEP STEP STEP
      "subs r1, r1, #1\n"
      "bne 4b\n"
      "5:\n"
      "vldrw.32 q2, [r3], #16\n" /* multipliers */
      "vmov q0[2], q0[0], r0, r4\n"
      "vmov q0[3], q0[1], r2, r6\n"
      "vmov q1[2], q1[0], r8, r12\n"
      "vmov q1[3], q1[1], r10, lr\n"
      "ldr r1, [sp, #20]\n"
      "cbz r1, 6f\n"
      "vshr.s32 q3, q0, #31\n"
      "vqrdmulh.s32 q0, q0, q2\n"
      "vadd.i32 q0, q0, q3\n"
      "vshr.s32 q3, q1, #31\n"
      "vqrdmulh.s32 q1, q1, q2\n"
      "vadd.i32 q1, q1, q3\n"
      "b 7f\n"
      "6:\n"
      "vqrdmulh.s32 q0, q0, q2\n"
      "vqrdmulh.s32 q1, q1, q2\n"
      "7:\n"
      "vldrw.32 q2, [r3], #16\n" /* roundings */
      "vadd.i32 q0, q0, q2\n"
      "vldrw.32 q3, [r3], #16\n" /* left shifts */
      "vadd.i32 q1, q1, q2\n"
      "vqshl.s32 q0, q0, q3\n"
      "vqshl.s32 q1, q1, q3\n"
      "vshr.s32 q0, q0, #24\n"
      "vshr.s32 q1, q1, #24\n"
      "vstrb.32 q0, [r5], #4\n"
      "vstrb.32 q1, [r7], #4\n"
      "ldr r1, [sp, #16]\n"
      "cmp r5, r1\n"
      "bne 1b\n"
      "add sp, sp, #28\n"
      "pop {r4-r11, pc}\n");
}
#endif
