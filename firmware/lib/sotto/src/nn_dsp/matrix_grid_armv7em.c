/* The inner loops of the kernels for weights on a grid for Armv7E-M, in assembly: 30 instructions
 * for 32 multiply-accumulates, where bytes take 27.
 *
 * A unit is eight inputs of four channels. Four stand in a row, and a branch into them leaves out
 * those that the first pass does not need.
 *
 *   r0 stream, r1 words of the window, r2-r5 sums of 4, 8, 12 and 16 bits, r6-r9 codes,
 *   r10-r12 and lr words
 *   sp: [0] words, [4] output, [8] end of the stream, [12] address of the first unit to execute,
 *       [16] end of the words, [20] rounding base, [24] any
 */
#include "matrix_grid.h"

#ifdef __ARM_FEATURE_DSP
#include "matrix_vector_armv7em.h"

/* Four channels and two inputs: each sum without the codes of the one before. */
#define PRODUCTS(x, codes)    \
  "smlad r5, " #x ", " #codes \
  ", r5\n"                    \
  "bic " #codes ", " #codes   \
  ", #0xf000f000\n"           \
  "smlad r4, " #x ", " #codes \
  ", r4\n"                    \
  "bic " #codes ", " #codes   \
  ", #0x0f000f00\n"           \
  "smlad r3, " #x ", " #codes \
  ", r3\n"                    \
  "bic " #codes ", " #codes   \
  ", #0x00f000f0\n"           \
  "smlad r2, " #x ", " #codes ", r2\n"
/* 30 instructions of 4 bytes. */
#define UNIT                                                                          \
  "ldm r1!, {r10, r11, r12, lr}\n"                                                    \
  "ldm r0!, {r6, r7, r8, r9}\n" PRODUCTS(r10, r6) PRODUCTS(r11, r7) PRODUCTS(r12, r8) \
      PRODUCTS(lr, r9)

/* The first pass takes (units - 1) % 4 units before the last of the row; a unit is 16 bytes of
 * words, which 16 bytes of starts come before, and 120 of instructions. */
#define BEGIN                             \
  ".syntax unified\n"                     \
  "push {r4-r11, lr}\n"                   \
  "ldm r0, {r1-r6}\n" /* matrix_vector */ \
  "mov r0, r4\n"                          \
  "sub r8, r5, r1\n"                      \
  "sub r8, r8, #32\n"                     \
  "and r8, r8, #48\n"                     \
  "lsr r8, r8, #2\n"                      \
  "mov r9, #30\n"                         \
  "mul r8, r8, r9\n"                      \
  "adr.w r4, 3f\n"                        \
  "sub r4, r4, r8\n"                      \
  "orr r4, r4, #1\n" /* Thumb */          \
  "push {r1-r7}\n"
/* At last the channels' own sums times their steps, on the biases: 256 times the accumulators. */
#define MULTIPLY                                \
  "1:\n"                                        \
  "ldr r1, [sp]\n"                              \
  "ldm r1!, {r2, r3, r4, r5}\n"                 \
  "ldr pc, [sp, #12]\n"                         \
  "2:\n" UNIT UNIT UNIT "3:\n" UNIT             \
  "ldr r6, [sp, #16]\n"                         \
  "cmp r1, r6\n"                                \
  "bne 2b\n"                                    \
  "sub r5, r5, r4\n"                            \
  "sub r4, r4, r3\n"                            \
  "sub r3, r3, r2\n"                            \
  "asr r5, r5, #4\n"                            \
  "ldm r1, {r6, r7, r8, r9}\n"     /* steps */  \
  "ldm r0!, {r10, r11, r12, lr}\n" /* biases */ \
  "mla r2, r2, r6, r10\n"                       \
  "mla r3, r3, r7, r11\n"                       \
  "mla r4, r4, r8, r12\n"                       \
  "mla r5, r5, r9, lr\n"

__attribute__((naked)) void sotto_matrix_grid(__attribute__((unused)) const matrix_vector *vector) {
  __asm__ volatile(BEGIN MULTIPLY REQUANTISE_FITTED STORE_AND_END);
}

__attribute__((naked)) void sotto_matrix_grid_exact(__attribute__((unused))
                                                    const matrix_vector *vector) {
  __asm__ volatile(BEGIN MULTIPLY REQUANTISE_EXACTLY STORE_AND_END);
}
#endif
