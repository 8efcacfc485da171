/* One window times all output channels for Armv8.1-M. Four channels at a time leave a register for
 * the hardware's loop: eight would save a load of the window in nine, and compute for nobody where
 * channels do not come in eights.
 *
 *   r0, r2, r4, r6 accumulators, r1 window's bytes, r3 stream, r5 output (narrow stores want low
 *   registers), r7 ties_away, r8 vectors, r9 channels left, r10 window, r12 tail_bytes, lr vectors
 *   left
 *   q4 2 * zero point + 1, q5 left shift of an exponent of 1
 */
#include "matrix_window.h"

#ifdef __ARM_FEATURE_MVE

__attribute__((naked)) void sotto_matrix_window_mve(__attribute__((unused))
                                                    const matrix_window *window) {
  __asm__ volatile(
      "push {r4-r10, lr}\n"
      "vpush {d8-d11}\n"
      "ldrd r10, r3, [r0]\n"
      "ldrd r5, r7, [r0, #8]\n"
      "ldrd r8, r9, [r0, #16]\n"
      "ldrd r2, r12, [r0, #24]\n"
      "vdup.32 q4, r2\n"
      "mov r2, #23\n"
      "vdup.32 q5, r2\n"
      "1:\n" /* four channels */
      "ldm r3!, {r0, r2, r4, r6}\n"
      "mov r1, r10\n"
      "dls lr, r8\n"
      "2:\n" /* loads and products alternate, since the core does one of each at a time */
      "vldrb.8 q0, [r1], #16\n"
      "vldrb.8 q1, [r3], #16\n"
      "vmladava.s8 r0, q0, q1\n"
      "vldrb.8 q2, [r3], #16\n"
      "vmladava.s8 r2, q0, q2\n"
      "vldrb.8 q1, [r3], #16\n"
      "vmladava.s8 r4, q0, q1\n"
      "vldrb.8 q2, [r3], #16\n"
      "vmladava.s8 r6, q0, q2\n"
      "le lr, 2b\n"
      "wls lr, r12, 5f\n" /* no loop: the only branch on a register as high as this */
      "vldrb.8 q0, [r1]\n"
      "vldrb.8 q1, [r3]\n"
      "add r3, r3, r12\n"
      "vmladava.s8 r0, q0, q1\n"
      "vldrb.8 q2, [r3]\n"
      "add r3, r3, r12\n"
      "vmladava.s8 r2, q0, q2\n"
      "vldrb.8 q1, [r3]\n"
      "add r3, r3, r12\n"
      "vmladava.s8 r4, q0, q1\n"
      "vldrb.8 q2, [r3]\n"
      "add r3, r3, r12\n"
      "vmladava.s8 r6, q0, q2\n"
      "5:\n"
      "vldrw.32 q2, [r3], #16\n" /* multipliers */
      "vmov q0[2], q0[0], r0, r4\n"
      "vmov q0[3], q0[1], r2, r6\n"
      "cbz r7, 3f\n"
      "vshr.s32 q3, q0, #31\n"
      "vqrdmulh.s32 q0, q0, q2\n"
      "vadd.i32 q0, q0, q3\n"
      "b 4f\n"
      "3:\n"
      "vqrdmulh.s32 q0, q0, q2\n"
      "4:\n"
      "vldrb.s32 q2, [r3], #4\n" /* exponents - 1 */
      "vshl.s32 q3, q4, q2\n"    /* roundings */
      "vsub.i32 q2, q5, q2\n"    /* left shifts */
      "vadd.i32 q0, q0, q3\n"
      "vqshl.s32 q0, q0, q2\n"
      "vshr.s32 q0, q0, #24\n"
      "vctp.32 r9\n"
      "vpst\n"
      "vstrbt.32 q0, [r5], #4\n"
      "subs r9, r9, #4\n"
      "bgt 1b\n"
      "vpop {d8-d11}\n"
      "pop {r4-r10, pc}\n");
}
#endif
