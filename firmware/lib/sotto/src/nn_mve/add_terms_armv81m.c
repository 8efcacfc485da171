/* Quantised sum of two tensors for Armv8.1-M, four elements at a time, the last four predicated.
 *
 *   r0 inputs' scales and offsets, r1, r2 inputs, r3 output, lr elements left
 *   r4 first offset, r5 second offset, r6 second multiplier, r7 second shift,
 *   r8 roundings, r9 left shift
 *   q3 2^19, q4 2^20, q5 output multiplier, q6 -1 where the second term is rounded away from zero
 */
#include "add_terms.h"

#ifdef __ARM_FEATURE_MVE

/* Both terms with 20 fraction bits, their sum in q0. */
#define SUM                   \
  "vldrb.s32 q0, [r1], #4\n"  \
  "vldrb.s32 q1, [r2], #4\n"  \
  "vmlas.s32 q0, q3, r4\n"    \
  "vmlas.s32 q1, q4, r5\n"    \
  "vqrdmulh.s32 q1, q1, r6\n" \
  "vshr.s32 q2, q1, #31\n"    \
  "vand q2, q2, q6\n"         \
  "vadd.i32 q1, q1, q2\n"     \
  "vrshl.s32 q1, r7\n"        \
  "vadd.i32 q0, q0, q1\n"
#define TO_BYTES           \
  "vqshl.s32 q0, r9\n"     \
  "vshr.s32 q0, q0, #24\n" \
  "vstrb.32 q0, [r3], #4\n"

__attribute__((naked)) void sotto_add_terms_mve(__attribute__((unused)) const add_terms *terms,
                                                __attribute__((unused)) const int8_t *input1,
                                                __attribute__((unused)) const int8_t *input2,
                                                __attribute__((unused)) int8_t *output) {
  __asm__ volatile(
      "push {r4-r10, lr}\n"
      "vpush {d8-d13}\n"
      "mov r4, #1\n"
      "lsl r5, r4, #19\n"
      "vdup.32 q3, r5\n"
      "lsl r5, r4, #20\n"
      "vdup.32 q4, r5\n"
      "ldr r4, [r0, #20]\n"
      "vdup.32 q5, r4\n"
      "ldr r7, [r0, #16]\n"
      "asr r4, r7, #31\n" /* the shift is 0 or negative */
      "vdup.32 q6, r4\n"
      "ldr lr, [r0]\n"
      "ldr r10, [r0, #32]\n"
      "ldrd r8, r9, [r0, #24]\n"
      "ldrd r4, r5, [r0, #4]\n"
      "ldr r6, [r0, #12]\n"
      "cmp r10, #0\n"
      "bne 3f\n"
      "dlstp.32 lr, lr\n"
      "1:\n" SUM "vqrdmlash.s32 q0, q5, r8\n" TO_BYTES
      "letp lr, 1b\n"
      "2:\n"
      "vpop {d8-d13}\n"
      "pop {r4-r10, pc}\n"
      "3:\n"
      "dlstp.32 lr, lr\n"
      "4:\n" SUM
      "vshr.s32 q2, q0, #31\n"
      "vqrdmlash.s32 q0, q5, r8\n"
      "vadd.i32 q0, q0, q2\n" TO_BYTES
      "letp lr, 4b\n"
      "b 2b\n");
}
#endif
