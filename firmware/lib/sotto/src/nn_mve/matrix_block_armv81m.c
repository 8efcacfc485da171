/* The matrix kernel's inner loops for Armv8.1-M, in assembly: two windows times four channels take
 * all eight even registers as accumulators, which leaves none for a compiler to loop with.
 *
 *   r0, r2, r4, r6 first window, r8, r10, r12, lr second window
 *   r9, r11 windows' bytes, r3 stream, r1 counts, r5, r7 outputs (narrow stores want low registers)
 *   q4 2 * zero point + 1, q5 left shift of an exponent of 1
 *   sp: [0] first window, [4] second window, [8] where the first round begins, [12] rounds,
 *       [16] end of the first output, [20] ties_away, [24] tail_bytes
 */
#include "matrix_block.h"

#ifdef __ARM_FEATURE_MVE

/* 16 bytes of both windows times those of four channels. Loads and products alternate, since the
 * core does one of each at a time. All instructions have four bytes: a step has STEP_BYTES. */
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
#define STEP_BYTES "56"

/* The same of r1 bytes of each channel. The windows' zeros meet the weights behind them. */
#define TAIL                  \
  "vldrb.8 q0, [r9]\n"        \
  "vldrb.8 q2, [r3]\n"        \
  "add r3, r3, r1\n"          \
  "vldrb.8 q1, [r11]\n"       \
  "vmladava.s8 r0, q0, q2\n"  \
  "vldrb.8 q3, [r3]\n"        \
  "add r3, r3, r1\n"          \
  "vmladava.s8 r8, q1, q2\n"  \
  "vmladava.s8 r2, q0, q3\n"  \
  "vldrb.8 q2, [r3]\n"        \
  "add r3, r3, r1\n"          \
  "vmladava.s8 r10, q1, q3\n" \
  "vmladava.s8 r4, q0, q2\n"  \
  "vldrb.8 q3, [r3]\n"        \
  "add r3, r3, r1\n"          \
  "vmladava.s8 r12, q1, q2\n" \
  "vmladava.s8 r6, q0, q3\n"  \
  "vmladava.s8 lr, q1, q3\n"

__attribute__((naked)) void sotto_matrix_block_mve(__attribute__((unused))
                                                   const matrix_block *block) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "vpush {d8-d11}\n"
      "sub sp, sp, #28\n"
      "ldrd r9, r11, [r0]\n"
      "ldrd r5, r7, [r0, #8]\n"
      "ldrd r3, r2, [r0, #16]\n" /* stream, vectors */
      "ldrd r1, r4, [r0, #24]\n" /* tail_bytes, quads */
      "ldrd r6, r8, [r0, #32]\n" /* ties_away, rounding_base */
      "vdup.32 q4, r8\n"
      "mov r8, #23\n"
      "vdup.32 q5, r8\n"
      "strd r9, r11, [sp]\n"
      /* A round has four steps; the first one leaves out those that vectors lack. */
      "rsb r8, r2, #0\n"
      "and r8, r8, #3\n"
      "mov r10, #" STEP_BYTES
      "\n"
      "adr r12, 2f\n"
      "mla r8, r8, r10, r12\n"
      "orr r8, r8, #1\n" /* Thumb code */
      "add r2, r2, #3\n"
      "lsr r2, r2, #2\n"
      "strd r8, r2, [sp, #8]\n"
      "add r4, r5, r4, lsl #2\n"
      "strd r4, r6, [sp, #16]\n"
      "str r1, [sp, #24]\n"
      "1:\n" /* four channels */
      "ldm r3!, {r0, r2, r4, r6}\n"
      "ldrd r9, r11, [sp]\n"
      "mov r8, r0\n"
      "mov r10, r2\n"
      "mov r12, r4\n"
      "mov lr, r6\n"
      "ldr r1, [sp, #12]\n"
      "ldr pc, [sp, #8]\n"
      ".p2align 2\n"
      "2:\n" STEP STEP STEP STEP
      "subs r1, r1, #1\n"
      "bne 2b\n"
      "ldr r1, [sp, #24]\n"
      "cbz r1, 5f\n" TAIL
      "5:\n"
      "vldrw.32 q2, [r3], #16\n" /* multipliers */
      "vmov q0[2], q0[0], r0, r4\n"
      "vmov q0[3], q0[1], r2, r6\n"
      "vmov q1[2], q1[0], r8, r12\n"
      "vmov q1[3], q1[1], r10, lr\n"
      "ldr r1, [sp, #20]\n"
      "cbz r1, 3f\n"
      "vshr.s32 q3, q0, #31\n"
      "vqrdmulh.s32 q0, q0, q2\n"
      "vadd.i32 q0, q0, q3\n"
      "vshr.s32 q3, q1, #31\n"
      "vqrdmulh.s32 q1, q1, q2\n"
      "vadd.i32 q1, q1, q3\n"
      "b 4f\n"
      "3:\n"
      "vqrdmulh.s32 q0, q0, q2\n"
      "vqrdmulh.s32 q1, q1, q2\n"
      "4:\n"
      "vldrb.s32 q2, [r3], #4\n" /* exponents - 1 */
      "vshl.s32 q3, q4, q2\n"    /* roundings */
      "vsub.i32 q2, q5, q2\n"    /* left shifts */
      "vadd.i32 q0, q0, q3\n"
      "vadd.i32 q1, q1, q3\n"
      "vqshl.s32 q0, q0, q2\n"
      "vqshl.s32 q1, q1, q2\n"
      "vshr.s32 q0, q0, #24\n"
      "vshr.s32 q1, q1, #24\n"
      "vstrb.32 q0, [r5], #4\n"
      "vstrb.32 q1, [r7], #4\n"
      "ldr r1, [sp, #16]\n"
      "cmp r5, r1\n"
      "bne 1b\n"
      "add sp, sp, #28\n"
      "vpop {d8-d11}\n"
      "pop {r4-r11, pc}\n");
}
#endif
