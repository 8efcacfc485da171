/* The depthwise rows kernel's inner loops for Armv7E-M where the kernel has three or five rows and
 * requantisation is fitted: 17 instructions for a kernel row of six columns, 12 for one of four, 7
 * for one of two.
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
/* The first kernel row, which starts from the bias: of two, four and six columns. */
#define FIRST_ROW_OF_2    \
  "ldr r8, [r1, #-12]\n"  \
  "ldrd r11, r12, [r1]\n" \
  "ldrd r9, r10, [r0]\n" TWO_COLUMNS(r3, r4, r9, r10, r8, r8)
#define FIRST_ROW_OF_4 FIRST_ROW_OF_2 "ldr r9, [r0, #8]\n" TWO_COLUMNS(r5, r6, r10, r9, r8, r8)
#define FIRST_ROW_OF_6 FIRST_ROW_OF_4 "ldr r10, [r0, #12]\n" TWO_COLUMNS(r7, r8, r9, r10, r8, r8)
/* The next one, with the weights at an offset. */
#define ROW_OF_2(weights)          \
  "add r0, r0, lr\n"               \
  "ldrd r11, r12, [r1, #" #weights \
  "]\n"                            \
  "ldrd r9, r10, [r0]\n" TWO_COLUMNS(r3, r4, r9, r10, r3, r4)
#define ROW_OF_4(weights) \
  ROW_OF_2(weights) "ldr r9, [r0, #8]\n" TWO_COLUMNS(r5, r6, r10, r9, r5, r6)
#define ROW_OF_6(weights) \
  ROW_OF_4(weights) "ldr r10, [r0, #12]\n" TWO_COLUMNS(r7, r8, r9, r10, r7, r8)
#define BEGIN(kernel_rows)                                        \
  ".syntax unified\n"                                             \
  "push {r4-r11, lr}\n"                                           \
  "ldm r0, {r1, r2, lr}\n" /* row, row step, kernel step */       \
  "ldr r7, [r0, #12]\n"                                           \
  "mov r3, #" #kernel_rows                                        \
  " - 1\n"                                                        \
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
  "cmp r8, #4\n"                                                  \
  "bgt 1f\n"                                                      \
  "cmp r8, #2\n"                                                  \
  "bgt 2f\n"                                                      \
  "b 3f\n"
#define TWO_RESULTS(even, odd) \
  FITTED_PRODUCT(even, r9)     \
  FITTED_PRODUCT(odd, r9) SATURATE_FITTED(even) SATURATE_FITTED(odd)
/* Requantises; then the next row, the output, its steps by columns and rows, and the columns. */
#define RESULTS(pairs)                     \
  "ldr r9, [r1, #-8]\n" /* factor */ pairs \
  "ldm sp, {r9, r10, r11, r12}\n"          \
  "sub r0, r0, r9\n"
/* The row's last column, where there are so many. */
#define LAST_COLUMN(columns, acc, address) \
  "cmp r12, #" #columns                    \
  "\n"                                     \
  "it eq\n"                                \
  "strbeq " #acc ", " address "\n"
#define NEXT_ROW(label) \
  "ldr r9, [sp, #16]\n" \
  "add r2, r2, r11\n"   \
  "subs r9, r9, #1\n"   \
  "str r9, [sp, #16]\n" \
  "bne " #label         \
  "b\n"                 \
  "add sp, sp, #20\n"   \
  "pop {r4-r11, pc}\n"
/* All output rows of five or six columns, of three or four, of one or two. */
#define ROWS_OF_6(kernel_rows) \
  "1:\n" kernel_rows                                                            \
  RESULTS(TWO_RESULTS(r3, r4) TWO_RESULTS(r5, r6) TWO_RESULTS(r7, r8))          \
  "strb r3, [r2]\n"                                                             \
  "strb r4, [r2, r10]\n"                                                        \
  "add r9, r2, r10, lsl #1\n"                                                   \
  "strb r5, [r9]\n"                                                             \
  "strb r6, [r9, r10]\n"                                                        \
  "strb r7, [r9, r10, lsl #1]\n"                                                \
  "add r9, r9, r10\n" LAST_COLUMN(6, r8, "[r9, r10, lsl #1]") NEXT_ROW(1)
#define ROWS_OF_4(kernel_rows) \
  "2:\n" kernel_rows RESULTS(TWO_RESULTS(r3, r4) TWO_RESULTS(r5, r6))           \
  "strb r3, [r2]\n"                                                             \
  "strb r4, [r2, r10]\n"                                                        \
  "add r9, r2, r10, lsl #1\n"                                                   \
  "strb r5, [r9]\n" LAST_COLUMN(4, r6, "[r9, r10]") NEXT_ROW(2)
#define ROWS_OF_2(kernel_rows)                                                   \
  "3:\n" kernel_rows RESULTS(TWO_RESULTS(r3, r4)) "strb r3, [r2]\n" LAST_COLUMN( \
      2, r4, "[r2, r10]") NEXT_ROW(3)

__attribute__((naked)) void sotto_depthwise_tile_3_rows(__attribute__((unused))
                                                        depthwise_tile *tile) {
  __asm__ volatile(BEGIN(3) ROWS_OF_6(FIRST_ROW_OF_6 ROW_OF_6(8) ROW_OF_6(16)) ROWS_OF_4(
      FIRST_ROW_OF_4 ROW_OF_4(8) ROW_OF_4(16)) ROWS_OF_2(FIRST_ROW_OF_2 ROW_OF_2(8) ROW_OF_2(16)));
}

__attribute__((naked)) void sotto_depthwise_tile_5_rows(__attribute__((unused))
                                                        depthwise_tile *tile) {
  __asm__ volatile(
      BEGIN(5) ROWS_OF_6(FIRST_ROW_OF_6 ROW_OF_6(8) ROW_OF_6(16) ROW_OF_6(24) ROW_OF_6(32))
          ROWS_OF_4(FIRST_ROW_OF_4 ROW_OF_4(8) ROW_OF_4(16) ROW_OF_4(24) ROW_OF_4(32))
              ROWS_OF_2(FIRST_ROW_OF_2 ROW_OF_2(8) ROW_OF_2(16) ROW_OF_2(24) ROW_OF_2(32)));
}
#endif
