/* The matrix-vector kernels' inner loops for Armv7E-M, in assembly: 27 instructions for 32
 * multiply-accumulates need all 14 registers, which no compiler allots by itself.
 *
 * A unit is two groups of four weights of four channels. Four stand in a row, and a branch into
 * them leaves out those that the first pass does not need; an odd group comes before them.
 *
 *   r0 stream, r1 words of the window, r2-r5 channels, r6-r9 weights, r10-r12 and lr words
 *   sp: [0] words, [4] output, [8] end of the stream, [12] where a block begins,
 *       [16] end of the words, [20] rounding base, [24] address of the first unit to execute
 */
#include "matrix_vector.h"

#ifdef __ARM_FEATURE_DSP
#include "matrix_vector_armv7em.h"

#define FOUR_PRODUCTS(x) \
  "smlad r2, " #x        \
  ", r6, r2\n"           \
  "smlad r3, " #x        \
  ", r7, r3\n"           \
  "smlad r4, " #x        \
  ", r8, r4\n"           \
  "smlad r5, " #x ", r9, r5\n"
#define GROUP(first, second) \
  "ldm r0!, {r6, r7, r8, r9}\n" \
  FOUR_PRODUCTS(first)         \
  "sxtb16 r6, r6\n"            \
  "sxtb16 r7, r7\n"            \
  "sxtb16 r8, r8\n"            \
  "sxtb16 r9, r9\n"            \
  FOUR_PRODUCTS(second)
/* 27 instructions of 4 bytes. */
#define UNIT "ldm r1!, {r10, r11, r12, lr}\n" GROUP(r10, r11) GROUP(r12, lr)

/* The first pass takes (units - 1) % 4 units before the last of the row; a unit is 16 bytes of
 * words, 108 of instructions. A block begins at 5 where groups are odd. */
#define BEGIN                             \
  ".syntax unified\n"                     \
  "push {r4-r11, lr}\n"                   \
  "ldm r0, {r1-r6}\n" /* matrix_vector */ \
  "mov r0, r4\n"                          \
  "sub r8, r5, r1\n"                      \
  "sub r9, r8, #16\n"                     \
  "and r9, r9, #48\n"                     \
  "lsr r9, r9, #2\n"                      \
  "mov r10, #27\n"                        \
  "mul r9, r9, r10\n"                     \
  "adr.w r7, 3f\n"                        \
  "sub r7, r7, r9\n"                      \
  "orr r7, r7, #1\n" /* Thumb */          \
  "adr.w r4, 5f\n"                        \
  "orr r4, r4, #1\n"                      \
  "tst r8, #8\n"                          \
  "it eq\n"                               \
  "moveq r4, r7\n"                        \
  "push {r1-r7}\n"
#define MULTIPLY \
  "1:\n"                            \
  "ldr r1, [sp]\n"                  \
  "ldm r0!, {r2, r3, r4, r5}\n"     \
  "ldr pc, [sp, #12]\n"             \
  "5:\n"                            \
  "ldm r1!, {r12, lr}\n"            \
  GROUP(r12, lr)                    \
  "ldr pc, [sp, #24]\n"             \
  "2:\n" UNIT UNIT UNIT "3:\n" UNIT \
  "ldr r6, [sp, #16]\n"             \
  "cmp r1, r6\n"                    \
  "bne 2b\n"

__attribute__((naked)) void sotto_matrix_vector(__attribute__((unused))
                                                const matrix_vector *vector) {
  __asm__ volatile(BEGIN MULTIPLY REQUANTISE_FITTED STORE_AND_END);
}

__attribute__((naked)) void sotto_matrix_vector_exact(__attribute__((unused))
                                                      const matrix_vector *vector) {
  __asm__ volatile(BEGIN MULTIPLY REQUANTISE_EXACTLY STORE_AND_END);
}
#endif
