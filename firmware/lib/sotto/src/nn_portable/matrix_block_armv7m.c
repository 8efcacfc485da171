/* The matrix kernel's inner loops for Armv7-M, in assembly: 26 instructions for 24
 * multiply-accumulates need all 14 registers, which no compiler allots by itself.
 *
 *   r0 windows, r1 weights, r2 mask, r3 and lr weights, r4-r9 six accumulators,
 *   r10-r12 a window's words
 */
#include "matrix_block.h"

#include "arm.h"

#ifdef SOTTO_ARMV7M
#include "requantise_armv7m.h"

/* Offsets from sp: fields of the matrix, of which the output advances by channels, and others. */
#define WINDOWS "#0"
#define OUTPUT "#12" /* the channels behind it */
#define FITTED_FLAG "#20"
#define ROUNDING_BASE "#24"
#define WINDOWS_END "#28"
#define OUTPUT_END "#32" /* of the first window */
#define ENTRY "#36"      /* into the loop by four groups: index of the table of branches */
#define FRAME_BYTES "#40"

#define LOAD(register, slot) "ldr " #register ", [sp, " slot "]\n"
#define STORE(register, slot) "str " #register ", [sp, " slot "]\n"

/* group_sum of one window: ADD adds it to the accumulator, or BEGIN is it */
#define FOUR_PRODUCTS(acc, TAKE) \
  "ldm r0!, {r10, r11, r12}\n"   \
  "mla r12, r10, r3, r12\n"      \
  "mla r12, r11, lr, r12\n" TAKE(acc)
#define BEGIN(acc) "asr " #acc ", r12, #16\n"
#define ADD(acc) "add " #acc ", " #acc ", r12, asr #16\n"
#define GROUP(TAKE)                                                           \
  "ldr r3, [r1], #4\n"                                                        \
  "and lr, r2, r3, lsr #8\n" FOUR_PRODUCTS(r4, TAKE) FOUR_PRODUCTS(r5, TAKE)  \
      FOUR_PRODUCTS(r6, TAKE) FOUR_PRODUCTS(r7, TAKE) FOUR_PRODUCTS(r8, TAKE) \
          FOUR_PRODUCTS(r9, TAKE)
/* pair_sum of one window; lr is the rounding, r3 the weights */
#define TWO_PRODUCTS(acc, offset) \
  "ldr r12, [r0, " offset         \
  "]\n"                           \
  "mla r12, r12, r3, lr\n" ADD(acc)
#define FITTED_RESULT(acc) FITTED(acc, r10, r11, r12)
#define EXACT_RESULT(acc) EXACT(acc, r10, r11, r12, r2, r3)
#define SIX(RESULT) RESULT(r4) RESULT(r5) RESULT(r6) RESULT(r7) RESULT(r8) RESULT(r9)

__attribute__((naked)) void sotto_portable_matrix_block(__attribute__((unused))
                                                        const portable_matrix *matrix) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "sub sp, sp, " FRAME_BYTES "\n"
      "ldm r0, {r0-r6}\n"
      "stm sp, {r0-r6}\n"
      "adds r3, r3, r4\n"
      STORE(r3, OUTPUT_END)
      "add r4, r2, r2, lsl #3\n" /* 72 bytes a group */
      "add r4, r0, r4, lsl #3\n"
      STORE(r4, WINDOWS_END)
      "subs r2, r2, #1\n" /* the first group comes before the loop */
      "ite eq\n"
      "moveq r3, #4\n"
      "andne r3, r2, #3\n"
      STORE(r3, ENTRY)
      "mov r2, #0x00FF00FF\n"

      "1:\n" /* a channel; r1 is its stream */
      LOAD(r0, WINDOWS)
      GROUP(BEGIN)
      LOAD(r10, ENTRY)
      "tbb [pc, r10]\n"
      "2:\n"
      ".byte (3f - 2b) / 2, (6f - 2b) / 2, (5f - 2b) / 2, (4f - 2b) / 2, (7f - 2b) / 2\n"
      ".balign 2\n"
      "3:\n"
      GROUP(ADD)
      "4:\n"
      GROUP(ADD)
      "5:\n"
      GROUP(ADD)
      "6:\n"
      GROUP(ADD)
      LOAD(r10, WINDOWS_END)
      "cmp r0, r10\n"
      "bne 3b\n"
      "7:\n"
      "ldr r10, [r1], #4\n"
      "cmp r10, #0\n"
      "bpl 9f\n"
      "8:\n" /* a pair that is set aside */
      "mov lr, #0x8000\n"
      "sxtb r3, r10\n"
      "sbfx r11, r10, #8, #8\n"
      "add r3, r3, r11, lsl #16\n"
      "ubfx r10, r10, #16, #15\n"
      "add r10, r10, r10, lsl #3\n"
      LOAD(r0, WINDOWS)
      "add r0, r0, r10, lsl #3\n"
      TWO_PRODUCTS(r4, "#0")
      TWO_PRODUCTS(r5, "#12")
      TWO_PRODUCTS(r6, "#24")
      TWO_PRODUCTS(r7, "#36")
      TWO_PRODUCTS(r8, "#48")
      TWO_PRODUCTS(r9, "#60")
      "ldr r10, [r1], #4\n"
      "cmp r10, #0\n"
      "bmi 8b\n"

      "9:\n" /* results; r10 is the first constant */
      "ldr r11, [r1], #4\n"
      "ldrd r0, lr, [sp, " OUTPUT "]\n"
      LOAD(r3, FITTED_FLAG)
      "cmp r3, #0\n"
      "beq 11f\n"
      SIX(FITTED_RESULT)
      "10:\n"
      "add r3, r0, lr\n"
      "strb r5, [r0, lr]\n"
      "strb r6, [r0, lr, lsl #1]\n"
      "strb r7, [r3, lr, lsl #1]\n"
      "strb r8, [r0, lr, lsl #2]\n"
      "strb r9, [r3, lr, lsl #2]\n"
      "strb r4, [r0], #1\n"
      STORE(r0, OUTPUT)
      LOAD(r3, OUTPUT_END)
      "cmp r0, r3\n"
      "bne 1b\n"
      "add sp, sp, " FRAME_BYTES "\n"
      "pop {r4-r11, pc}\n"

      "11:\n" /* r11 is bias and exponent - 1 */
      "asr r12, r11, #5\n"
      "add r4, r4, r12\n"
      "add r5, r5, r12\n"
      "add r6, r6, r12\n"
      "add r7, r7, r12\n"
      "add r8, r8, r12\n"
      "add r9, r9, r12\n"
      "and r3, r11, #31\n"
      LOAD(r12, ROUNDING_BASE)
      "lsl r12, r12, r3\n"
      "add r11, r3, #1\n"
      SIX(EXACT_RESULT)
      "mov r2, #0x00FF00FF\n"
      "b 10b\n");
}
#endif
