/* The depthwise kernel's inner loops for Armv8.1-M, in assembly: a product of 16 bytes serves one
 * output, four channels fill a vector of results.
 *
 *   r0, r2, r4, r6 accumulators, r1, r3, r9, r11 windows of the four channels, r8 their row step,
 *   r7 output, r5 stream (narrow accesses want low registers), r10 the output's row step, lr rows,
 *   r12 the run
 *   q4 multipliers, q5 results, q6 roundings; on the stack: [0] columns left, [4] rows left, [8]
 *   left shifts
 */
#include "depthwise_run.h"

#ifdef __ARM_FEATURE_MVE

#define LEFT_SHIFTS "[sp, #8]"

#define ENTER                                     \
  "push {r4-r11, lr}\n"                           \
  "vpush {d8-d15}\n"                              \
  "sub sp, sp, #28\n"                             \
  "mov r12, r0\n"                                 \
  "ldrd r1, r4, [r12]\n"                          \
  "add r3, r1, r4\n"                              \
  "add r9, r3, r4\n"                              \
  "add r11, r9, r4\n"                             \
  "ldr r8, [r12, #8]\n"                           \
  "ldrd r5, r7, [r12, #16]\n"                     \
  "ldr r10, [r12, #24]\n"                         \
  "ldr r0, [r12, #36]\n"                          \
  "str r0, [sp]\n" /* columns */                  \
  "vldrw.32 q4, [r5, #16]\n"                      \
  "vldrb.s32 q5, [r5, #32]\n" /* exponents - 1 */ \
  "ldr r0, [r12, #48]\n"                          \
  "vdup.32 q6, r0\n"                              \
  "vshl.s32 q6, q6, q5\n"                         \
  "mov r0, #23\n"                                 \
  "vdup.32 q7, r0\n"                              \
  "vsub.i32 q7, q7, q5\n"                         \
  "vstrw.32 q7, " LEFT_SHIFTS "\n"
/* The channels that are written. */
#define PREDICATE        \
  "ldr r0, [r12, #40]\n" \
  "vctp.32 r0\n"
#define NEXT_COLUMN      \
  "ldr r0, [r12, #12]\n" \
  "add r1, r1, r0\n"     \
  "add r3, r3, r0\n"     \
  "add r9, r9, r0\n"     \
  "add r11, r11, r0\n"   \
  "ldr r0, [r12, #28]\n" \
  "add r7, r7, r0\n"     \
  "ldr r0, [sp]\n"       \
  "subs r0, r0, #1\n"    \
  "str r0, [sp]\n"
#define LEAVE         \
  "add sp, sp, #28\n" \
  "vpop {d8-d15}\n"   \
  "pop {r4-r11, pc}\n"

#define GATHER                  \
  "vmov q5[2], q5[0], r0, r4\n" \
  "vmov q5[3], q5[1], r2, r6\n"
#define ROUND_UP "vqrdmulh.s32 q5, q5, q4\n"
#define ROUND_AWAY            \
  "vshr.s32 q7, q5, #31\n"    \
  "vqrdmulh.s32 q5, q5, q4\n" \
  "vadd.i32 q5, q5, q7\n"
#define TO_BYTES              \
  "vldrw.32 q7, " LEFT_SHIFTS \
  "\n"                        \
  "vadd.i32 q5, q5, q6\n"     \
  "vqshl.s32 q5, q5, q7\n"    \
  "vshr.s32 q5, q5, #24\n"    \
  "vpst\n"                    \
  "vstrbt.32 q5, [r7]\n"      \
  "add r7, r7, r10\n"

#define PRODUCT(window, weights, acc) \
  "vldrb.8 q7, [" #window             \
  "]\n"                               \
  "add " #window ", " #window         \
  ", r8\n"                            \
  "vmladava.s8 " #acc ", " #weights ", q7\n"
#define PRODUCTS                                                                           \
  "ldm r5, {r0, r2, r4, r6}\n" PRODUCT(r1, q0, r0) PRODUCT(r3, q1, r2) PRODUCT(r9, q2, r4) \
      PRODUCT(r11, q3, r6) GATHER

/* The weights of a channel to the bytes of its vector, 0 to the others. */
#define SPREAD(weights) \
  "vpst\n"              \
  "vldrbt.u8 " #weights \
  ", [r0, q5]\n"        \
  "add r0, r0, r2\n"

__attribute__((naked)) void sotto_depthwise_run_mve(__attribute__((unused))
                                                    const depthwise_run *run) {
  __asm__ volatile(ENTER
                   "ldrd r2, r4, [r12, #52]\n" /* taps, tap_of */
                   "vldrb.8 q5, [r4]\n"
                   "ldr r6, [r12, #60]\n"
                   "vmsr p0, r6\n"
                   "add r0, r5, #36\n" SPREAD(q0) SPREAD(q1) SPREAD(q2) SPREAD(q3) PREDICATE
                   "1:\n" /* a column */
                   "ldr r0, [r12, #32]\n"
                   "ldr r2, [r12, #44]\n"
                   "dls lr, r0\n"
                   "cmp r2, #0\n"
                   "bne 3f\n"
                   "2:\n" PRODUCTS ROUND_UP TO_BYTES
                   "le lr, 2b\n"
                   "b 4f\n"
                   "3:\n" PRODUCTS ROUND_AWAY TO_BYTES
                   "le lr, 3b\n"
                   "4:\n" NEXT_COLUMN "bne 1b\n" LEAVE);
}

#define LONG_PRODUCT(window, acc) \
  "vldrb.8 q0, [" #window         \
  "], #16\n"                      \
  "vldrb.8 q1, [r5], #16\n"       \
  "vmladava.s8 " #acc ", q0, q1\n"

__attribute__((naked)) void sotto_depthwise_run_long_mve(__attribute__((unused))
                                                         const depthwise_run *run) {
  __asm__ volatile(ENTER PREDICATE
                   "ldr r0, [r12, #64]\n"
                   "sub r8, r8, r0, lsl #4\n" /* the windows have moved by their vectors */
                   "1:\n"                     /* a column */
                   "ldr r0, [r12, #32]\n"
                   "str r0, [sp, #4]\n" /* rows left */
                   "2:\n"
                   "ldr r5, [r12, #16]\n"
                   "ldr lr, [r12, #64]\n"
                   "ldm r5, {r0, r2, r4, r6}\n"
                   "add r5, r5, #36\n"
                   "dls lr, lr\n"
                   "3:\n" LONG_PRODUCT(r1, r0) LONG_PRODUCT(r3, r2) LONG_PRODUCT(r9, r4)
                       LONG_PRODUCT(r11, r6) "le lr, 3b\n" GATHER
                                             "ldr r0, [r12, #44]\n"
                                             "cbz r0, 4f\n" ROUND_AWAY
                                             "b 5f\n"
                                             "4:\n" ROUND_UP "5:\n" TO_BYTES
                                             "add r1, r1, r8\n"
                                             "add r3, r3, r8\n"
                                             "add r9, r9, r8\n"
                                             "add r11, r11, r8\n"
                                             "ldr r0, [sp, #4]\n"
                                             "subs r0, r0, #1\n"
                                             "str r0, [sp, #4]\n"
                                             "bne 2b\n" NEXT_COLUMN "bne 1b\n" LEAVE);
}
#endif
