/* The matrix kernels' inner loops for Armv7E-M, in assembly: 33 instructions for 48
 * multiply-accumulates need all 14 registers, which no compiler allots by itself.
 *
 * A unit is two groups of four weights. The first starts from the biases; seven or eight
 * more stand in a row, and a branch into them leaves out those that a window does not have.
 *
 *   r0 stream, r1 words of the windows, r2-r4 channel a, r5-r7 channel b, r8-r9 weights,
 *   r10-r12 and lr words
 *   sp: [0] words, [4] output, [8] window stride, [12] end of the stream, [16] address of the
 *       first unit to execute, [20] passes after it, [24] rounding base, [28] passes left
 */
#include "matrix_block.h"

#ifdef __ARM_FEATURE_DSP
#include "requantise_armv7em.h"

#define SIX_PRODUCTS(x0, x1, x2) \
  "smlad r2, " #x0               \
  ", r8, r2\n"                   \
  "smlad r3, " #x1               \
  ", r8, r3\n"                   \
  "smlad r4, " #x2               \
  ", r8, r4\n"                   \
  "smlad r5, " #x0               \
  ", r9, r5\n"                   \
  "smlad r6, " #x1               \
  ", r9, r6\n"                   \
  "smlad r7, " #x2 ", r9, r7\n"
/* All start from the biases, which were loaded to r4 and r7. */
#define SIX_FIRST_PRODUCTS  \
  "smlad r2, r10, r8, r4\n" \
  "smlad r3, r11, r8, r4\n" \
  "smlad r4, r12, r8, r4\n" \
  "smlad r5, r10, r9, r7\n" \
  "smlad r6, r11, r9, r7\n" \
  "smlad r7, r12, r9, r7\n"
/* A unit from its second words on. The first group's second words: lr, then r10, r11. The second
 * group's first: r12, lr, r10; its second: r11, r12, lr. */
#define REST_OF_UNIT               \
  "sxtb16 r8, r8\n"                \
  "sxtb16 r9, r9\n"                \
  "smlad r2, lr, r8, r2\n"         \
  "smlad r5, lr, r9, r5\n"         \
  "ldm r1!, {r10, r11, r12, lr}\n" \
  "smlad r3, r10, r8, r3\n"        \
  "smlad r4, r11, r8, r4\n"        \
  "smlad r6, r10, r9, r6\n"        \
  "smlad r7, r11, r9, r7\n"        \
  "ldm r0!, {r8, r9}\n"            \
  "smlad r2, r12, r8, r2\n"        \
  "smlad r3, lr, r8, r3\n"         \
  "smlad r5, r12, r9, r5\n"        \
  "smlad r6, lr, r9, r6\n"         \
  "ldm r1!, {r10, r11, r12, lr}\n" \
  "smlad r4, r10, r8, r4\n"        \
  "smlad r7, r10, r9, r7\n"        \
  "sxtb16 r8, r8\n"                \
  "sxtb16 r9, r9\n" SIX_PRODUCTS(r11, r12, lr)
#define FIRST_UNIT                 \
  "ldm r1!, {r10, r11, r12, lr}\n" \
  "ldm r0!, {r4, r7, r8, r9}\n" SIX_FIRST_PRODUCTS REST_OF_UNIT
/* 33 instructions of 4 bytes. */
#define UNIT                       \
  "ldm r1!, {r10, r11, r12, lr}\n" \
  "ldm r0!, {r8, r9}\n" SIX_PRODUCTS(r10, r11, r12) REST_OF_UNIT
#define SEVEN_UNITS UNIT UNIT UNIT UNIT UNIT UNIT UNIT
#define EIGHT_UNITS UNIT SEVEN_UNITS

#define BEGIN                            \
  ".syntax unified\n"                    \
  "push {r4-r11, lr}\n"                  \
  "ldm r0, {r1-r7}\n" /* matrix_block */ \
  "mov r0, r5\n"                         \
  "subs r6, r6, #1\n"
/* r5: how many units the branch reaches. */
#define ALL_BY_BRANCH "mov r5, r6\n"
#define REST_BY_PASSES \
  "and r5, r6, #7\n"   \
  "lsr r6, r6, #3\n"
#define PUSH_STATE               \
  "mov r8, #132\n"               \
  "mul r5, r5, r8\n"             \
  "adr.w r8, 3f\n"               \
  "sub r5, r8, r5\n"             \
  "orr r5, r5, #1\n" /* Thumb */ \
  "push {r1-r8}\n"
/* After the last unit: the two channels' results in r2-r4 and r5-r7 to the output. */
#define STORE                   \
  "ldm sp, {r1, r8, r9, r10}\n" \
  "bfi r2, r5, #8, #8\n"        \
  "bfi r3, r6, #8, #8\n"        \
  "bfi r4, r7, #8, #8\n"        \
  "strh r3, [r8, r9]\n"         \
  "strh r4, [r8, r9, lsl #1]\n" \
  "strh r2, [r8], #2\n"         \
  "str r8, [sp, #4]\n"          \
  "cmp r0, r10\n"
#define END           \
  "add sp, sp, #32\n" \
  "pop {r4-r11, pc}\n"
#define REQUANTISE_FITTED                                                                      \
  "ldm r0!, {r8, r9}\n" FITTED_PRODUCT(r2, r8) FITTED_PRODUCT(r3, r8) FITTED_PRODUCT(r4, r8)   \
      FITTED_PRODUCT(r5, r9) FITTED_PRODUCT(r6, r9) FITTED_PRODUCT(r7, r9) SATURATE_FITTED(r2) \
          SATURATE_FITTED(r3) SATURATE_FITTED(r4) SATURATE_FITTED(r5) SATURATE_FITTED(r6)      \
              SATURATE_FITTED(r7)
#define REQUANTISE_EXACTLY                                                                   \
  "ldm r0!, {r8, r9, r10, r11}\n" /* multipliers a and b, exponents - 1 of a and b */        \
  "ldr lr, [sp, #24]\n"                                                                      \
  "lsl r12, lr, r10\n" REQUANTISE(r2, r8, r10, r12, r1) REQUANTISE(r3, r8, r10, r12, r1)     \
      REQUANTISE(r4, r8, r10, r12, r1) "lsl r12, lr, r11\n" REQUANTISE(r5, r9, r11, r12, r1) \
          REQUANTISE(r6, r9, r11, r12, r1) REQUANTISE(r7, r9, r11, r12, r1)
/* The next two channels begin behind the end of those before, as a branch that is not taken costs
 * less. One pass, or as many as the window is long. */
#define SHORT_WINDOWS(requantise)              \
  "b 1f\n" SEVEN_UNITS "3:\n" requantise STORE \
  "beq 4f\n"                                   \
  "1:\n" FIRST_UNIT                            \
  "ldr pc, [sp, #16]\n"                        \
  "4:\n"
#define LONG_WINDOWS(requantise)   \
  "b 1f\n"                         \
  "2:\n" EIGHT_UNITS               \
  "3:\n"                           \
  "ldr r8, [sp, #28]\n"            \
  "subs r8, r8, #1\n"              \
  "str r8, [sp, #28]\n"            \
  "bpl 2b\n" requantise STORE      \
  "beq 4f\n"                       \
  "1:\n"                           \
  "ldr r8, [sp, #20]\n"            \
  "str r8, [sp, #28]\n" FIRST_UNIT \
  "ldr pc, [sp, #16]\n"            \
  "4:\n"

__attribute__((naked)) void sotto_matrix_block(__attribute__((unused)) const matrix_block *block) {
  __asm__ volatile(BEGIN ALL_BY_BRANCH PUSH_STATE SHORT_WINDOWS(REQUANTISE_FITTED) END);
}

__attribute__((naked)) void sotto_matrix_block_long(__attribute__((unused))
                                                    const matrix_block *block) {
  __asm__ volatile(BEGIN REST_BY_PASSES PUSH_STATE LONG_WINDOWS(REQUANTISE_FITTED) END);
}

__attribute__((naked)) void sotto_matrix_block_exact(__attribute__((unused))
                                                     const matrix_block *block) {
  __asm__ volatile(BEGIN REST_BY_PASSES PUSH_STATE LONG_WINDOWS(REQUANTISE_EXACTLY) END);
}
#endif
