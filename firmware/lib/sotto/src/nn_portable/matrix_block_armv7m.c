/* The matrix kernel's inner loops for Armv7-M, in assembly: 27 instructions for 24
 * multiply-accumulates need all 14 registers, which no compiler allots by itself.
 *
 *   r0 windows, r1 weights, r2 mask, r3 and lr pairs of weights, r4-r9 six accumulators,
 *   r10-r12 a window's words
 */
#include "matrix_block.h"

#include "armv7m.h"

#ifdef SOTTO_ARMV7M
#include "requantise_armv7m.h"

/* Offsets from sp: the fields of the matrix, of which those of the channel advance, and then */
#define WINDOWS "#0"
#define WEIGHTS "#4"
#define CONSTANTS "#8"
#define RUNS "#12"
#define OUTPUT "#16"
#define GROUPS "#20"
#define CHANNELS "#24"
#define ROUNDING_BASE "#28"
#define CHANNEL_END "#32" /* of its weights */
#define RUN_END "#36"
#define CHANNELS_LEFT "#40"
#define FRAME_BYTES "#48"

#define LOAD(register, slot) "ldr " #register ", [sp, " slot "]\n"
#define STORE(register, slot) "str " #register ", [sp, " slot "]\n"

#define WEIGHT_PAIRS         \
  "ldr r3, [r1], #4\n"       \
  "and lr, r2, r3, lsr #8\n" \
  "and r3, r3, r2\n"
/* group_sum of one window */
#define FOUR_PRODUCTS(acc)     \
  "ldm r0!, {r10, r11, r12}\n" \
  "mla r12, r10, r3, r12\n"    \
  "mla r12, r11, lr, r12\n"    \
  "add " #acc ", " #acc ", r12, asr #16\n"
/* wide_group_sum of one window; r2 is the rounding */
#define TWO_AND_TWO_PRODUCTS(acc) \
  "ldm r0!, {r10, r11, r12}\n"    \
  "mla r10, r10, r3, r2\n"        \
  "add " #acc ", " #acc           \
  ", r10, asr #16\n"              \
  "mla r11, r11, lr, r2\n"        \
  "add " #acc ", " #acc ", r11, asr #16\n"
#define SIX_WINDOWS(products) \
  products(r4) products(r5) products(r6) products(r7) products(r8) products(r9)
#define RESULT(acc, address) REQUANTISE(acc, r10, r11, r12, lr, r3) "strb r3, [" address "]\n"

__attribute__((naked)) void sotto_portable_matrix_block(__attribute__((unused))
                                                        const portable_matrix *matrix) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "sub sp, sp, " FRAME_BYTES "\n"
      "ldm r0, {r0-r7}\n"
      "stm sp, {r0-r7}\n"
      STORE(r6, CHANNELS_LEFT)

      "1:\n" /* a channel; r1 are its weights */
      LOAD(r2, GROUPS)
      "add r2, r1, r2, lsl #2\n"
      STORE(r2, CHANNEL_END)
      LOAD(r0, WINDOWS)
      LOAD(r3, CONSTANTS)
      "ldr r4, [r3]\n"
      "mov r5, r4\n"
      "mov r6, r4\n"
      "mov r7, r4\n"
      "mov r8, r4\n"
      "mov r9, r4\n"

      "2:\n" /* a run of groups */
      LOAD(r10, RUNS)
      "mov r2, #0x00FF00FF\n"
      "ldrsh r11, [r10], #2\n"
      STORE(r10, RUNS)
      "add r11, r1, r11, lsl #2\n"
      "cmp r1, r11\n"
      "beq 4f\n"
      STORE(r11, RUN_END)
      "3:\n"
      WEIGHT_PAIRS SIX_WINDOWS(FOUR_PRODUCTS)
      LOAD(r10, RUN_END)
      "cmp r1, r10\n"
      "bne 3b\n"
      "4:\n"
      LOAD(r10, CHANNEL_END)
      "cmp r1, r10\n"
      "beq 5f\n"
      WEIGHT_PAIRS
      "mov r2, #0x8000\n"
      "sub r3, r3, #0x00800080\n"
      "sub lr, lr, #0x00800080\n"
      SIX_WINDOWS(TWO_AND_TWO_PRODUCTS)
      "b 2b\n"

      "5:\n" /* results */
      STORE(r1, WEIGHTS)
      LOAD(r3, CONSTANTS)
      "ldr r10, [r3, #4]\n"
      "ldr r11, [r3, #8]\n"
      "add r3, r3, #12\n"
      STORE(r3, CONSTANTS)
      LOAD(r12, ROUNDING_BASE)
      "lsl r12, r12, r11\n"
      "add r11, r11, #1\n"
      LOAD(r0, OUTPUT)
      LOAD(r1, CHANNELS)
      RESULT(r4, "r0")
      RESULT(r5, "r0, r1")
      RESULT(r6, "r0, r1, lsl #1")
      "add r2, r0, r1\n"
      "add r2, r2, r1, lsl #1\n"
      RESULT(r7, "r2")
      RESULT(r8, "r2, r1")
      RESULT(r9, "r2, r1, lsl #1")
      "add r0, r0, #1\n"
      STORE(r0, OUTPUT)
      LOAD(r1, WEIGHTS)
      LOAD(r2, CHANNELS_LEFT)
      "subs r2, r2, #1\n"
      STORE(r2, CHANNELS_LEFT)
      "bne 1b\n"
      "add sp, sp, " FRAME_BYTES "\n"
      "pop {r4-r11, pc}\n");
}
#endif
