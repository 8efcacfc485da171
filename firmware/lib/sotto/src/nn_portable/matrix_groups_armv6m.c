/* The matrix kernel's innermost loop for Armv6-M, in assembly: 48 instructions for 24
 * multiply-accumulates, with the accumulators in the registers that only additions reach.
 *
 *   r0 windows, r1 weights, r2-r4 a window's words, r5-r6 weights, r7 mask,
 *   r8-r12 and lr six accumulators; sp: [0] end of the weights, [4] sums
 */
#include "matrix_block.h"

#include "arm.h"

#ifdef SOTTO_ARMV6M
#define FOUR_PRODUCTS(acc)  \
  "ldm r0!, {r2, r3, r4}\n" \
  "muls r2, r5, r2\n"       \
  "muls r3, r6, r3\n"       \
  "adds r2, r2, r3\n"       \
  "adds r2, r2, r4\n"       \
  "asrs r2, r2, #16\n"      \
  "add " #acc ", " #acc ", r2\n"
#define STORE_SUM(acc) \
  "mov r2, " #acc      \
  "\n"                 \
  "stm r0!, {r2}\n"

__attribute__((naked)) void sotto_portable_matrix_groups(
    __attribute__((unused)) const uint32_t *windows, __attribute__((unused)) const int32_t *weights,
    __attribute__((unused)) const int32_t *end, __attribute__((unused)) int32_t *sums) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n"
      "mov r4, r8\n"
      "mov r5, r9\n"
      "mov r6, r10\n"
      "mov r7, r11\n"
      "push {r4-r7}\n"
      "push {r2, r3}\n"
      "movs r7, #0xFF\n" /* 0x00FF00FF */
      "lsls r6, r7, #16\n"
      "orrs r7, r6\n"
      "movs r2, #0\n"
      "mov r8, r2\n"
      "mov r9, r2\n"
      "mov r10, r2\n"
      "mov r11, r2\n"
      "mov r12, r2\n"
      "mov lr, r2\n"
      "1:\n"
      "ldm r1!, {r5}\n"
      "lsrs r6, r5, #8\n"
      "ands r6, r7\n"
      FOUR_PRODUCTS(r8) FOUR_PRODUCTS(r9) FOUR_PRODUCTS(r10)
      FOUR_PRODUCTS(r11) FOUR_PRODUCTS(r12) FOUR_PRODUCTS(lr)
      "ldr r2, [sp]\n"
      "cmp r1, r2\n"
      "bne 1b\n"
      "ldr r0, [sp, #4]\n"
      STORE_SUM(r8) STORE_SUM(r9) STORE_SUM(r10) STORE_SUM(r11) STORE_SUM(r12) STORE_SUM(lr)
      "add sp, sp, #8\n"
      "pop {r4-r7}\n"
      "mov r8, r4\n"
      "mov r9, r5\n"
      "mov r10, r6\n"
      "mov r11, r7\n"
      "pop {r4-r7, pc}\n");
}
#endif
