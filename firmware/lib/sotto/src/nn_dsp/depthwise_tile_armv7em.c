/* The depthwise rows kernel's inner loops for Armv7E-M: for a kernel row of
 * six columns 19 instructions with stride 1, 22 with stride 2.
 *
 *   r0-r1 pairs of values, r2-r3 weights, r4-r9 six accumulators, r10 row, r11 weights,
 *   r12 kernel step, lr end of the weights; sp: [0] the tile
 */
#include "depthwise_tile.h"

#ifdef __ARM_FEATURE_DSP
#include "requantise_armv7em.h"

/* Two columns of stride 1: accumulators `even` and `odd`, pairs `left` and `right`. */
#define TWO_COLUMNS(even, odd, left, right)  \
  "smlad " #even ", " #left ", r2, " #even   \
  "\n"                                       \
  "smlabt " #even ", " #right ", r3, " #even \
  "\n"                                       \
  "smlatb " #odd ", " #left ", r2, " #odd    \
  "\n"                                       \
  "smlad " #odd ", " #right ", r3, " #odd "\n"

/* A column of stride 2. */
#define COLUMN(acc, left, right)         \
  "smlad " #acc ", " #left ", r2, " #acc \
  "\n"                                   \
  "smlabt " #acc ", " #right ", r3, " #acc "\n"
/* Up to the kernel rows' loop and the load of their weights; r0 is the tile. */
#define BEGIN                                \
  ".syntax unified\n"                        \
  "push {r4-r11, lr}\n"                      \
  "push {r0}\n"                              \
  "1:\n" /* an output row; r0 is the tile */ \
  "ldr r10, [r0]\n"                          \
  "ldr r12, [r0, #8]\n"                      \
  "ldrd r11, lr, [r0, #12]\n"                \
  "ldr r4, [r0, #20]\n"                      \
  "mov r5, r4\n"                             \
  "mov r6, r4\n"                             \
  "mov r7, r4\n"                             \
  "mov r8, r4\n"                             \
  "mov r9, r4\n"                             \
  "2:\n" /* a kernel row */                  \
  "ldrd r2, r3, [r11], #8\n"
/* From the end of that loop to the results. */
#define END_OF_ROWS     \
  "add r10, r10, r12\n" \
  "cmp r11, lr\n"       \
  "bne 2b\n"            \
  "ldr r0, [sp]\n"      \
  "ldrd r2, r3, [r0, #24]\n" /* factor or multiplier, exponent - 1 */
#define REQUANTISE_FITTED \
  FITTED_PRODUCT(r4, r2)  \
  FITTED_PRODUCT(r5, r2)  \
  FITTED_PRODUCT(r6, r2)  \
  FITTED_PRODUCT(r7, r2)  \
  FITTED_PRODUCT(r8, r2)  \
  FITTED_PRODUCT(r9, r2)  \
  SATURATE_FITTED(r4)     \
  SATURATE_FITTED(r5)     \
  SATURATE_FITTED(r6) SATURATE_FITTED(r7) SATURATE_FITTED(r8) SATURATE_FITTED(r9)
#define REQUANTISE_EXACTLY                                                \
  "ldr r1, [r0, #32]\n" /* rounding */                                    \
      REQUANTISE(r4, r2, r3, r1, r12) REQUANTISE(r5, r2, r3, r1, r12)     \
          REQUANTISE(r6, r2, r3, r1, r12) REQUANTISE(r7, r2, r3, r1, r12) \
              REQUANTISE(r8, r2, r3, r1, r12) REQUANTISE(r9, r2, r3, r1, r12)
/* As many results as there are columns; the next output row. */
#define STORE_AND_END                                                  \
  "ldrd r10, r1, [r0, #36]\n"  /* output, its row step */              \
  "ldrd r11, r12, [r0, #44]\n" /* its column step, columns to write */ \
  "add r1, r1, r10\n"                                                  \
  "str r1, [r0, #36]\n"                                                \
  "strb r4, [r10]\n"                                                   \
  "cmp r12, #2\n"                                                      \
  "blt 3f\n"                                                           \
  "strb r5, [r10, r11]\n"                                              \
  "beq 3f\n"                                                           \
  "add r10, r10, r11, lsl #1\n"                                        \
  "strb r6, [r10]\n"                                                   \
  "cmp r12, #4\n"                                                      \
  "blt 3f\n"                                                           \
  "strb r7, [r10, r11]\n"                                              \
  "beq 3f\n"                                                           \
  "add r10, r10, r11, lsl #1\n"                                        \
  "strb r8, [r10]\n"                                                   \
  "cmp r12, #6\n"                                                      \
  "blt 3f\n"                                                           \
  "strb r9, [r10, r11]\n"                                              \
  "3:\n"                                                               \
  "ldrd r4, r5, [r0]\n" /* row, row step */                            \
  "add r4, r4, r5\n"                                                   \
  "str r4, [r0]\n"                                                     \
  "ldr r4, [r0, #52]\n"                                                \
  "subs r4, r4, #1\n"                                                  \
  "str r4, [r0, #52]\n"                                                \
  "bne 1b\n"                                                           \
  "add sp, sp, #4\n"                                                   \
  "pop {r4-r11, pc}\n"

/* Six columns of a kernel row with stride 1, with stride 2. */
#define STRIDE1                                                                         \
  "ldrd r0, r1, [r10]\n" TWO_COLUMNS(r4, r5, r0, r1) "ldr r0, [r10, #8]\n" TWO_COLUMNS( \
      r6, r7, r1, r0) "ldr r1, [r10, #12]\n" TWO_COLUMNS(r8, r9, r0, r1)
#define STRIDE2 \
  "ldrd r0, r1, [r10]\n" COLUMN(r4, r0, r1) \
  "ldr r0, [r10, #8]\n" COLUMN(r5, r1, r0) \
  "ldr r1, [r10, #12]\n" COLUMN(r6, r0, r1) \
  "ldr r0, [r10, #16]\n" COLUMN(r7, r1, r0) \
  "ldr r1, [r10, #20]\n" COLUMN(r8, r0, r1) \
  "ldr r0, [r10, #24]\n" COLUMN(r9, r1, r0)

__attribute__((naked)) void sotto_depthwise_tile_stride1(__attribute__((unused))
                                                         depthwise_tile *tile) {
  __asm__ volatile(BEGIN STRIDE1 END_OF_ROWS REQUANTISE_FITTED STORE_AND_END);
}

__attribute__((naked)) void sotto_depthwise_tile_stride2(__attribute__((unused))
                                                         depthwise_tile *tile) {
  __asm__ volatile(BEGIN STRIDE2 END_OF_ROWS REQUANTISE_FITTED STORE_AND_END);
}

__attribute__((naked)) void sotto_depthwise_tile_stride1_exact(__attribute__((unused))
                                                               depthwise_tile *tile) {
  __asm__ volatile(BEGIN STRIDE1 END_OF_ROWS REQUANTISE_EXACTLY STORE_AND_END);
}

__attribute__((naked)) void sotto_depthwise_tile_stride2_exact(__attribute__((unused))
                                                               depthwise_tile *tile) {
  __asm__ volatile(BEGIN STRIDE2 END_OF_ROWS REQUANTISE_EXACTLY STORE_AND_END);
}
#endif
