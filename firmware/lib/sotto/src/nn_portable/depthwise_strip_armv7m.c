/* The depthwise strips kernel's inner loops for Armv7-M: for a kernel row of five columns 18
 * instructions with stride 1, 19 with stride 2.
 *
 *   r0 strip, r1 weights, r2, r3, r12, lr values, r4-r8 five accumulators, r9-r11 weights
 */
#include "depthwise_strip.h"

#include "arm.h"

#ifdef SOTTO_ARMV7M
#include "requantise_armv7m.h"

/* Offsets from sp: the fields of the strip, of which some change: */
#define WEIGHTS "#4"
#define EVEN_HEIGHT "#8" /* of the kernel: then a row more comes before those by two */
#define BACK_BYTES "#12"
#define CONSTANTS "#16"
#define FITTED_FLAG "#24"
#define ROUNDING_BASE "#28"
#define OUTPUT "#32"
#define CHANNELS "#36"
#define OUTPUT_ROW_BYTES "#40"
#define ROWS "#44"
#define WEIGHTS_END "#48"
#define FRAME_BYTES "#52"

#define LOAD(register, slot) "ldr " #register ", [sp, " slot "]\n"
#define STORE(register, slot) "str " #register ", [sp, " slot "]\n"
#define MUL(acc, x, w) "mul " #acc ", " #x ", " #w "\n"
#define MLA(acc, x, w) "mla " #acc ", " #x ", " #w ", " #acc "\n"

/* A kernel row. BEGIN is MUL in the first one, else MLA. */
#define ROW_STRIDE1(BEGIN)                                                                     \
  "ldm r1!, {r9, r10, r11}\n"                                                                  \
  "ldm r0!, {r2, r3, r12, lr}\n" /* columns 0 to 3 */                                          \
      BEGIN(r4, r2, r9) MLA(r4, r3, r10) MLA(r4, r12, r11) BEGIN(r5, r3, r9) MLA(r5, r12, r10) \
          MLA(r5, lr, r11) BEGIN(r6, r12, r9) MLA(r6, lr, r10)                                 \
              BEGIN(r7, lr, r9) "ldm r0!, {r2, r3, r12}\n" /* 4 to 6 */                        \
      MLA(r6, r2, r11) MLA(r7, r2, r10) MLA(r7, r3, r11) BEGIN(r8, r2, r9) MLA(r8, r3, r10)    \
          MLA(r8, r12, r11)
#define ROW_STRIDE2(BEGIN)                                                                     \
  "ldm r1!, {r9, r10, r11}\n"                                                                  \
  "ldm r0!, {r2, r3, r12, lr}\n" /* columns 0 to 3 */                                          \
      BEGIN(r4, r2, r9) MLA(r4, r3, r10) MLA(r4, r12, r11) BEGIN(r5, r12, r9)                  \
          MLA(r5, lr, r10) "ldm r0!, {r2, r3, r12, lr}\n" /* 4 to 7 */                         \
      MLA(r5, r2, r11) BEGIN(r6, r2, r9) MLA(r6, r3, r10) MLA(r6, r12, r11) BEGIN(r7, r12, r9) \
          MLA(r7, lr, r10) "ldm r0!, {r2, r3, r12}\n" /* 8 to 10 */                            \
      MLA(r7, r2, r11) BEGIN(r8, r2, r9) MLA(r8, r3, r10) MLA(r8, r12, r11)

#define FITTED_RESULT(acc, address) FITTED(acc, r11, r12, lr) "strb " #acc ", [" address "]\n"
#define EXACT_RESULT(acc, address) EXACT(acc, r11, r12, r3, lr, r2) "strb " #acc ", [" address "]\n"
#define FIVE_RESULTS(RESULT)    \
  RESULT(r4, "r9")              \
  RESULT(r5, "r9, r10")         \
  RESULT(r6, "r9, r10, lsl #1") \
  "add r9, r9, r10\n"           \
  "add r9, r9, r10, lsl #1\n" RESULT(r7, "r9") RESULT(r8, "r9, r10")

/* The first kernel row, of an even number one more, then two a turn. */
#define STRIP(ROW) \
  ".syntax unified\n"                                         \
  "push {r4-r11, lr}\n"                                       \
  "sub sp, sp, " FRAME_BYTES "\n"                             \
  "ldm r0, {r0-r11}\n"                                        \
  "stm sp, {r0-r11}\n"                                        \
  "add r4, r2, r2, lsl #1\n" /* three weights a kernel row */ \
  "add r4, r1, r4, lsl #2\n"                                  \
  STORE(r4, WEIGHTS_END)                                      \
  "lsl r3, r3, #2\n"                                          \
  STORE(r3, BACK_BYTES)                                       \
  "and r2, r2, #1\n"  \
  "eor r2, r2, #1\n"  \
  STORE(r2, EVEN_HEIGHT)                                     \
  "1:\n" /* an output row */                                  \
  LOAD(r1, WEIGHTS) \
  ROW(MUL) \
  LOAD(r2, EVEN_HEIGHT) \
  "cmp r2, #0\n" \
  "beq 2f\n" \
  ROW(MLA) \
  LOAD(r2, WEIGHTS_END) \
  "cmp r1, r2\n" \
  "beq 3f\n" \
  "2:\n" \
  ROW(MLA) ROW(MLA) \
  LOAD(r2, WEIGHTS_END) \
  "cmp r1, r2\n" \
  "bne 2b\n" \
  "3:\n" /* its results */                                    \
  LOAD(r2, FITTED_FLAG)                                       \
  "ldrd r9, r10, [sp, " OUTPUT "]\n"                          \
  "ldrd r11, r12, [sp, " CONSTANTS "]\n"                      \
  "cmp r2, #0\n"                                              \
  "beq 5f\n"                                                  \
  FIVE_RESULTS(FITTED_RESULT)                                 \
  "4:\n"                                                      \
  LOAD(r9, OUTPUT)                                            \
  LOAD(r10, OUTPUT_ROW_BYTES)                                 \
  "add r9, r9, r10\n"                                         \
  STORE(r9, OUTPUT)                                           \
  LOAD(r2, BACK_BYTES)                                        \
  "sub r0, r0, r2\n"                                          \
  LOAD(r2, ROWS)                                              \
  "subs r2, r2, #1\n"                                         \
  STORE(r2, ROWS)                                             \
  "bne 1b\n"                                                  \
  "add sp, sp, " FRAME_BYTES "\n"                             \
  "pop {r4-r11, pc}\n"                                        \
  "5:\n" /* r12 is bias and exponent - 1 */ \
  "asr lr, r12, #5\n" \
  "add r4, r4, lr\n" \
  "add r5, r5, lr\n" \
  "add r6, r6, lr\n" \
  "add r7, r7, lr\n" \
  "add r8, r8, lr\n" \
  "and r12, r12, #31\n" \
  LOAD(r3, ROUNDING_BASE) \
  "lsl r3, r3, r12\n" \
  "add r12, r12, #1\n" \
  FIVE_RESULTS(EXACT_RESULT)                                  \
  "b 4b\n"

__attribute__((naked)) void sotto_depthwise_strip_stride1(__attribute__((unused))
                                                          depthwise_strip *strip) {
  __asm__ volatile(STRIP(ROW_STRIDE1));
}

__attribute__((naked)) void sotto_depthwise_strip_stride2(__attribute__((unused))
                                                          depthwise_strip *strip) {
  __asm__ volatile(STRIP(ROW_STRIDE2));
}
#endif
