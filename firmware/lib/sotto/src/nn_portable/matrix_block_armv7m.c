/* The matrix kernel's inner loops for Armv7-M, in assembly: 27 instructions for 24
 * multiply-accumulates need all 14 registers, which no compiler allots by itself.
 *
 *   r0 windows, r1 weights, r2 mask, r3 and lr pairs of weights, r4-r9 six accumulators,
 *   r10-r12 a window's words
 */
#include "matrix_block.h"

#include "arm.h"

#ifdef SOTTO_ARMV7M
#include "requantise_armv7m.h"

/* Offsets from sp: fields of the matrix, of which the output advances by channels, and others. */
#define WINDOWS "#0"
#define OUTPUT "#8"
#define CHANNELS "#16"
#define FITTED_FLAG "#20"
#define ROUNDING_BASE "#24"
#define FOURS_BYTES "#28" /* of the groups that the loop by four takes */
#define SINGLES_BYTES "#32"
#define LOOP_END "#36"
#define CHANNELS_LEFT "#40"
#define FRAME_BYTES "#48"

#define LOAD(register, slot) "ldr " #register ", [sp, " slot "]\n"
#define STORE(register, slot) "str " #register ", [sp, " slot "]\n"

/* group_sum of one window */
#define FOUR_PRODUCTS(acc)     \
  "ldm r0!, {r10, r11, r12}\n" \
  "mla r12, r10, r3, r12\n"    \
  "mla r12, r11, lr, r12\n"    \
  "add " #acc ", " #acc ", r12, asr #16\n"
#define GROUP                                                                                \
  "ldr r3, [r1], #4\n"                                                                       \
  "and lr, r2, r3, lsr #8\n"                                                                 \
  "and r3, r3, r2\n" FOUR_PRODUCTS(r4) FOUR_PRODUCTS(r5) FOUR_PRODUCTS(r6) FOUR_PRODUCTS(r7) \
      FOUR_PRODUCTS(r8) FOUR_PRODUCTS(r9)
/* pair_sum of one window; r2 is the rounding, r3 the weights */
#define TWO_PRODUCTS(acc, offset) \
  "ldr r12, [r0, " offset         \
  "]\n"                           \
  "mla r12, r12, r3, r2\n"        \
  "add " #acc ", " #acc ", r12, asr #16\n"
#define FITTED_RESULT(acc, address) FITTED(acc, r10, r11, r12) "strb " #acc ", [" address "]\n"
#define EXACT_RESULT(acc, address) \
  EXACT(acc, r10, r11, r12, lr, r3) "strb " #acc ", [" address "]\n"
#define SIX_RESULTS(RESULT)    \
  RESULT(r4, "r0")             \
  RESULT(r5, "r0, r2")         \
  RESULT(r6, "r0, r2, lsl #1") \
  "add r0, r0, r2\n"           \
  "add r0, r0, r2, lsl #1\n" RESULT(r7, "r0") RESULT(r8, "r0, r2") RESULT(r9, "r0, r2, lsl #1")

__attribute__((naked)) void sotto_portable_matrix_block(__attribute__((unused))
                                                        const portable_matrix *matrix) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "sub sp, sp, " FRAME_BYTES "\n"
      "ldm r0, {r0-r6}\n"
      "stm sp, {r0-r6}\n"
      STORE(r4, CHANNELS_LEFT)
      "and r4, r3, #3\n"
      "sub r3, r3, r4\n"
      "lsl r3, r3, #2\n"
      STORE(r3, FOURS_BYTES)
      "lsl r4, r4, #2\n"
      STORE(r4, SINGLES_BYTES)

      "1:\n" /* a channel; r1 is its stream */
      "movs r4, #0\n"
      "movs r5, #0\n"
      "movs r6, #0\n"
      "movs r7, #0\n"
      "mov r8, r4\n"
      "mov r9, r4\n"
      "mov r2, #0x00FF00FF\n"
      LOAD(r0, WINDOWS)
      LOAD(r10, FOURS_BYTES)
      "cmp r10, #0\n"
      "beq 3f\n"
      "add r10, r10, r1\n"
      STORE(r10, LOOP_END)
      "2:\n"
      GROUP GROUP GROUP GROUP
      LOAD(r10, LOOP_END)
      "cmp r1, r10\n"
      "bne 2b\n"
      "3:\n"
      LOAD(r10, SINGLES_BYTES)
      "cmp r10, #0\n"
      "beq 5f\n"
      "add r10, r10, r1\n"
      STORE(r10, LOOP_END)
      "4:\n"
      GROUP
      LOAD(r10, LOOP_END)
      "cmp r1, r10\n"
      "bne 4b\n"
      "5:\n" /* pairs that are set aside */
      "ldr r10, [r1], #4\n"
      "cmp r10, #0\n"
      "bpl 6f\n"
      "mov r2, #0x8000\n"
      "sxtb r3, r10\n"
      "sbfx r11, r10, #8, #8\n"
      "add r3, r3, r11, lsl #16\n"
      "ubfx r10, r10, #16, #15\n"
      "add r10, r10, r10, lsl #3\n" /* 72 bytes a group */
      LOAD(r0, WINDOWS)
      "add r0, r0, r10, lsl #3\n"
      TWO_PRODUCTS(r4, "#4")
      TWO_PRODUCTS(r5, "#16")
      TWO_PRODUCTS(r6, "#28")
      TWO_PRODUCTS(r7, "#40")
      TWO_PRODUCTS(r8, "#52")
      TWO_PRODUCTS(r9, "#64")
      "b 5b\n"

      "6:\n" /* results; r10 is the first constant */
      "ldr r11, [r1], #4\n"
      LOAD(r0, OUTPUT)
      LOAD(r2, CHANNELS)
      LOAD(r3, FITTED_FLAG)
      "add r12, r0, #1\n"
      STORE(r12, OUTPUT)
      "cmp r3, #0\n"
      "beq 8f\n"
      SIX_RESULTS(FITTED_RESULT)
      "7:\n"
      LOAD(r2, CHANNELS_LEFT)
      "subs r2, r2, #1\n"
      STORE(r2, CHANNELS_LEFT)
      "bne 1b\n"
      "add sp, sp, " FRAME_BYTES "\n"
      "pop {r4-r11, pc}\n"

      "8:\n" /* r11 is the bias */
      "ldr r3, [r1], #4\n"
      LOAD(r12, ROUNDING_BASE)
      "lsl r12, r12, r3\n"
      "add r4, r4, r11\n"
      "add r5, r5, r11\n"
      "add r6, r6, r11\n"
      "add r7, r7, r11\n"
      "add r8, r8, r11\n"
      "add r9, r9, r11\n"
      "add r11, r3, #1\n"
      SIX_RESULTS(EXACT_RESULT)
      "b 7b\n");
}
#endif
