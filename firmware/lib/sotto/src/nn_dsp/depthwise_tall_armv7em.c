/* The depthwise rows kernel's inner loops for Armv7E-M where the kernel has three or five rows and
 * requantisation is fitted: 17 instructions for a kernel row of six columns.
 *
 *   r0 row, r1 weights, r2 output, r3-r8 six accumulators, r9-r10 pairs of values,
 *   r11-r12 weights (w0, w1) and (w1, w2), lr kernel step
 *   sp: [0] bytes from the last kernel row's end back to the next output row, [4] output column
 *       bytes, [8] output row bytes, [12] columns to write, [16] rows left
 */
#include "depthwise_tile.h"

#ifdef __ARM_FEATURE_DSP
#include "requantise_armv7em.h"

/* Two columns of stride 1 onto the accumulators `even0` and `odd0`: pairs `left` and `right`. */
#define TWO_COLUMNS(even, odd, left, right, even0, odd0) \
  "smlad " #even ", " #left ", r11, " #even0             \
  "\n"                                                   \
  "smlatb " #odd ", " #left ", r11, " #odd0              \
  "\n"                                                   \
  "smlabt " #even ", " #right ", r12, " #even            \
  "\n"                                                   \
  "smlad " #odd ", " #right ", r12, " #odd "\n"
/* All start from the bias, which was loaded to r8. */
#define FIRST_KERNEL_ROW                                                                        \
  "ldr r8, [r1, #-12]\n"                                                                        \
  "ldrd r11, r12, [r1]\n"                                                                       \
  "ldrd r9, r10, [r0]\n" TWO_COLUMNS(r3, r4, r9, r10, r8, r8) "ldr r9, [r0, #8]\n" TWO_COLUMNS( \
      r5, r6, r10, r9, r8, r8) "ldr r10, [r0, #12]\n" TWO_COLUMNS(r7, r8, r9, r10, r8,          \
                                                                  r8) "add r0, r0, lr\n"
#define KERNEL_ROW(weights)                                                                     \
  "ldrd r11, r12, [r1, #" #weights                                                              \
  "]\n"                                                                                         \
  "ldrd r9, r10, [r0]\n" TWO_COLUMNS(r3, r4, r9, r10, r3, r4) "ldr r9, [r0, #8]\n" TWO_COLUMNS( \
      r5, r6, r10, r9, r5, r6) "ldr r10, [r0, #12]\n" TWO_COLUMNS(r7, r8, r9, r10, r7,          \
                                                                  r8) "add r0, r0, lr\n"
#define BEGIN(kernel_rows)                                        \
  ".syntax unified\n"                                             \
  "push {r4-r11, lr}\n"                                           \
  "ldm r0, {r1, r2, lr}\n" /* row, row step, kernel step */       \
  "ldr r7, [r0, #12]\n"                                           \
  "mov r3, #" #kernel_rows                                        \
  "\n"                                                            \
  "mul r3, r3, lr\n"                                              \
  "sub r3, r3, r2\n"                                              \
  "ldrd r4, r5, [r0, #40]\n" /* output row bytes, column bytes */ \
  "ldrd r8, r9, [r0, #48]\n" /* columns, rows */                  \
  "ldr r2, [r0, #36]\n"                                           \
  "mov r0, r1\n"                                                  \
  "mov r1, r7\n"                                                  \
  "mov r7, r4\n"                                                  \
  "mov r6, r5\n"                                                  \
  "push {r3, r6, r7, r8, r9}\n"                                   \
  "1:\n" /* an output row */
#define END \
  "ldr r9, [r1, #-8]\n" /* factor */ \
  FITTED_PRODUCT(r3, r9) FITTED_PRODUCT(r4, r9) FITTED_PRODUCT(r5, r9) \
  FITTED_PRODUCT(r6, r9) FITTED_PRODUCT(r7, r9) FITTED_PRODUCT(r8, r9) \
  SATURATE_FITTED(r3) SATURATE_FITTED(r4) SATURATE_FITTED(r5) \
  SATURATE_FITTED(r6) SATURATE_FITTED(r7) SATURATE_FITTED(r8) \
  "ldm sp, {r9, r10, r11, r12}\n" \
  "sub r0, r0, r9\n" \
  "add r9, r2, r10, lsl #1\n" \
  "strb r3, [r2]\n" \
  "cmp r12, #6\n" \
  "bne 4f\n" \
  "strb r4, [r2, r10]\n" \
  "strb r5, [r9]\n" \
  "strb r6, [r9, r10]\n" \
  "strb r7, [r9, r10, lsl #1]\n" \
  "add r9, r9, r10\n" \
  "strb r8, [r9, r10, lsl #1]\n" \
  "3:\n" \
  "ldr r9, [sp, #16]\n" \
  "add r2, r2, r11\n" \
  "subs r9, r9, #1\n" \
  "str r9, [sp, #16]\n" \
  "bne 1b\n" \
  "add sp, sp, #20\n" \
  "pop {r4-r11, pc}\n" \
  "4:\n" /* fewer than six columns */ \
  "cmp r12, #2\n" \
  "blt 3b\n" \
  "strb r4, [r2, r10]\n" \
  "beq 3b\n" \
  "strb r5, [r9]\n" \
  "cmp r12, #4\n" \
  "blt 3b\n" \
  "strb r6, [r9, r10]\n" \
  "beq 3b\n" \
  "strb r7, [r9, r10, lsl #1]\n" \
  "b 3b\n"

__attribute__((naked)) void sotto_depthwise_tile_3_rows(__attribute__((unused))
                                                        depthwise_tile *tile) {
  __asm__ volatile(BEGIN(3) FIRST_KERNEL_ROW KERNEL_ROW(8) KERNEL_ROW(16) END);
}

__attribute__((naked)) void sotto_depthwise_tile_5_rows(__attribute__((unused))
                                                        depthwise_tile *tile) {
  __asm__ volatile(BEGIN(5) FIRST_KERNEL_ROW KERNEL_ROW(8) KERNEL_ROW(16) KERNEL_ROW(24)
                       KERNEL_ROW(32) END);
}
#endif
