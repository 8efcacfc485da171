/* The depthwise kernel's inner loops for Armv8.1-M, in assembly: a product of 16 bytes serves one
 * output, four channels fill a vector of results.
 *
 *   r0, r2, r4, r6 accumulators, r1, r3, r5, r9 windows of the four channels, r8 their row step,
 *   r7 output (narrow stores want low registers), r10 its row step, lr rows
 */
#include "depthwise_run.h"

#ifdef __ARM_FEATURE_MVE

/* Windows, steps and output from the fields of `run`, which stays in r12. */
#define ENTER                  \
  "push {r4-r11, lr}\n"        \
  "vpush {d8-d15}\n"           \
  "mov r12, r0\n"              \
  "ldrd r1, r4, [r12]\n"       \
  "add r3, r1, r4\n"           \
  "add r5, r3, r4\n"           \
  "add r9, r5, r4\n"           \
  "ldr r8, [r12, #8]\n"        \
  "ldrd r11, r7, [r12, #16]\n" \
  "ldr r10, [r12, #24]\n"      \
  "ldr r0, [r12, #40]\n"       \
  "vctp.32 r0\n"               \
  "ldr r0, [r12, #36]\n"       \
  "push {r0, r12}\n" /* columns left */
#define NEXT_COLUMN      \
  "ldr r0, [r12, #12]\n" \
  "add r1, r1, r0\n"     \
  "add r3, r3, r0\n"     \
  "add r5, r5, r0\n"     \
  "add r9, r9, r0\n"     \
  "ldr r0, [r12, #28]\n" \
  "add r7, r7, r0\n"     \
  "ldr r0, [sp]\n"       \
  "subs r0, r0, #1\n"    \
  "str r0, [sp]\n"
#define LEAVE        \
  "add sp, sp, #8\n" \
  "vpop {d8-d15}\n"  \
  "pop {r4-r11, pc}\n"

/* The four accumulators to q5. */
#define GATHER                  \
  "vmov q5[2], q5[0], r0, r4\n" \
  "vmov q5[3], q5[1], r2, r6\n"
/* q5 to the output: multiplier q4, rounding q6, left shift q7. */
#define TO_BYTES           \
  "vadd.i32 q5, q5, q6\n"  \
  "vqshl.s32 q5, q5, q7\n" \
  "vshr.s32 q5, q5, #24\n" \
  "vpst\n"                 \
  "vstrbt.32 q5, [r7]\n"   \
  "add r7, r7, r10\n"
#define ROUND_UP "vqrdmulh.s32 q5, q5, q4\n"
#define ROUND_AWAY            \
  "vshr.s32 q7, q5, #31\n"    \
  "vqrdmulh.s32 q5, q5, q4\n" \
  "vadd.i32 q5, q5, q7\n"

#define PRODUCTS            \
  "vldrb.8 q7, [r1]\n"      \
  "add r1, r1, r8\n"        \
  "vmladav.s8 r0, q0, q7\n" \
  "vldrb.8 q7, [r3]\n"      \
  "add r3, r3, r8\n"        \
  "vmladav.s8 r2, q1, q7\n" \
  "vldrb.8 q7, [r5]\n"      \
  "add r5, r5, r8\n"        \
  "vmladav.s8 r4, q2, q7\n" \
  "vldrb.8 q7, [r9]\n"      \
  "add r9, r9, r8\n"        \
  "vmladav.s8 r6, q3, q7\n" \
  "vldrw.32 q7, [r11]\n" GATHER "vadd.i32 q5, q5, q7\n"

__attribute__((naked)) void sotto_depthwise_run_mve(__attribute__((unused))
                                                    const depthwise_run *run) {
  __asm__ volatile(ENTER
                   "vldrw.32 q4, [r11, #16]\n"
                   "vldrw.32 q6, [r11, #32]\n"
                   "vldrw.32 q0, [r11, #64]\n"
                   "vldrw.32 q1, [r11, #80]\n"
                   "vldrw.32 q2, [r11, #96]\n"
                   "vldrw.32 q3, [r11, #112]\n"
                   "1:\n" /* a column */
                   "ldr r0, [r12, #32]\n"
                   "ldr r2, [r12, #48]\n"
                   "dls lr, r0\n"
                   "cbnz r2, 3f\n"
                   "2:\n" PRODUCTS ROUND_UP "vldrw.32 q7, [r11, #48]\n" TO_BYTES
                   "le lr, 2b\n"
                   "b 4f\n"
                   "3:\n" PRODUCTS ROUND_AWAY "vldrw.32 q7, [r11, #48]\n" TO_BYTES
                   "le lr, 3b\n"
                   "4:\n" NEXT_COLUMN "bne 1b\n" LEAVE);
}

#define LONG_PRODUCT(window, acc) \
  "vldrb.8 q0, [" #window         \
  "], #16\n"                      \
  "vldrb.8 q1, [r11], #16\n"      \
  "vmladava.s8 " #acc ", q0, q1\n"

__attribute__((naked)) void sotto_depthwise_run_long_mve(__attribute__((unused))
                                                         const depthwise_run *run) {
  __asm__ volatile(ENTER
                   "vldrw.32 q4, [r11, #16]\n"
                   "vldrw.32 q6, [r11, #32]\n"
                   "vldrw.32 q7, [r11, #48]\n"
                   "ldr r0, [r12, #44]\n"
                   "sub r8, r8, r0, lsl #4\n" /* the windows have moved by their vectors */
                   "1:\n"                     /* a column */
                   "ldr r0, [r12, #32]\n"
                   "str r0, [sp, #4]\n" /* rows left */
                   "2:\n"
                   "ldr r11, [r12, #16]\n"
                   "ldr lr, [r12, #44]\n"
                   "ldm r11, {r0, r2, r4, r6}\n"
                   "add r11, r11, #64\n"
                   "dls lr, lr\n"
                   "3:\n" LONG_PRODUCT(r1, r0) LONG_PRODUCT(r3, r2) LONG_PRODUCT(r5, r4)
                       LONG_PRODUCT(r9, r6) "le lr, 3b\n" GATHER
                                            "ldr r0, [r12, #48]\n"
                                            "cbz r0, 4f\n"
                                            "vshr.s32 q0, q5, #31\n"
                                            "vqrdmulh.s32 q5, q5, q4\n"
                                            "vadd.i32 q5, q5, q0\n"
                                            "b 5f\n"
                                            "4:\n" ROUND_UP "5:\n" TO_BYTES
                                            "add r1, r1, r8\n"
                                            "add r3, r3, r8\n"
                                            "add r5, r5, r8\n"
                                            "add r9, r9, r8\n"
                                            "ldr r0, [sp, #4]\n"
                                            "subs r0, r0, #1\n"
                                            "str r0, [sp, #4]\n"
                                            "bne 2b\n" NEXT_COLUMN "bne 1b\n" LEAVE);
}
#endif
