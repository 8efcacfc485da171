/* The radix-4 passes for Armv7E-M, in assembly: a butterfly needs all 14 registers, which no
 * compiler allots without keeping some in memory. radix4_pass_model.c says in C what they compute.
 *
 *   r0 word 0 of the butterfly, r1 and lr bytes from it to words 1 and 3, r2 twiddles, r3 seen
 *   real and imaginary before JOIN: r6, r7 a + b; r5, r4 a - b; r9, r12 c + d; r8, r10 c - d
 *   sp: [0] end of the butterflies of this transform, [4] end of all, [8] first twiddle
 */
#include "radix4_pass.h"

#if SOTTO_FRONTEND_DSP && defined(__ARM_FEATURE_DSP)

/* r5, r4 = half + word 0 / 2^shift: each sum has this term once, so that dropping the fraction of
 * the sums rounds them. r10 = -2^(16 - shift) in its high half, for 2^15 would not fit. */
#define FIRST_TERM(factor)    \
  "ldr r4, [r0]\n"            \
  "mov r10, #" factor         \
  "\n"                        \
  "mov r11, #0x8000\n"        \
  "smlsdx r5, r10, r4, r11\n" \
  "smlsd r4, r4, r10, r11\n"

/* b, c and d without twiddles. */
#define PLAIN                  \
  "ldr r8, [r0, r1]\n"         \
  "smlsdx r6, r10, r8, r5\n"   \
  "smlsd r7, r8, r10, r4\n"    \
  "ldr r8, [r0, r1, lsl #1]\n" \
  "smusdx r11, r10, r8\n"      \
  "smusd r12, r8, r10\n"       \
  "ldr r8, [r0, lr]\n"         \
  "smlsdx r9, r10, r8, r11\n"  \
  "smlsd r8, r8, r10, r12\n"   \
  "rsb r5, r6, r5, lsl #1\n"   \
  "rsb r4, r7, r4, lsl #1\n"   \
  "rsb r10, r8, r12, lsl #1\n" \
  "mov r12, r8\n"              \
  "rsb r8, r9, r11, lsl #1\n"

/* With twiddles. A Q15 product divided by 2 is in the unit of the sums, 2^-16, as it is: they
 * collect it. */
#define ROTATED_BY_2           \
  "ldr r10, [r0, r1]\n"        \
  "smlsd r6, r10, r8, r5\n"    \
  "smladx r7, r10, r8, r4\n"   \
  "ldr r8, [r0, r1, lsl #1]\n" \
  "smusd r10, r8, r9\n"        \
  "smuadx r11, r8, r9\n"       \
  "ldr r8, [r0, lr]\n"         \
  "smlsd r9, r8, r12, r10\n"   \
  "smladx r12, r8, r12, r11\n" \
  "rsb r5, r6, r5, lsl #1\n"   \
  "rsb r4, r7, r4, lsl #1\n"   \
  "rsb r8, r9, r10, lsl #1\n"  \
  "rsb r10, r12, r11, lsl #1\n"

/* Divided by more, each product is truncated before it is added. */
#define ROTATED_BY(more)          \
  "ldr r10, [r0, r1]\n"           \
  "smusd r6, r10, r8\n"           \
  "smuadx r7, r10, r8\n"          \
  "ldr r8, [r0, r1, lsl #1]\n"    \
  "smusd r10, r8, r9\n"           \
  "smuadx r11, r8, r9\n"          \
  "ldr r8, [r0, lr]\n"            \
  "smusd r9, r8, r12\n"           \
  "smuadx r12, r8, r12\n"         \
  "asr r10, r10, #" more          \
  "\n"                            \
  "asr r11, r11, #" more          \
  "\n"                            \
  "add r6, r5, r6, asr #" more    \
  "\n"                            \
  "add r7, r4, r7, asr #" more    \
  "\n"                            \
  "add r9, r10, r9, asr #" more   \
  "\n"                            \
  "add r12, r11, r12, asr #" more \
  "\n"                            \
  "rsb r5, r6, r5, lsl #1\n"      \
  "rsb r4, r7, r4, lsl #1\n"      \
  "rsb r8, r9, r10, lsl #1\n"     \
  "rsb r10, r12, r11, lsl #1\n"

/* Notes the magnitude of two words, which are lost. */
#define SEE(one, other)              \
  "eor " one ", " one ", " one       \
  ", lsl #1\n"                       \
  "eor " other ", " other ", " other \
  ", lsl #1\n"                       \
  "orr r3, r3, " one                 \
  "\n"                               \
  "orr r3, r3, " other "\n"

/* The four sums, without their fractions. */
#define JOIN                      \
  "add r11, r6, r9\n"             \
  "sub r6, r6, r9\n"              \
  "add r9, r7, r12\n"             \
  "sub r7, r7, r12\n"             \
  "pkhtb r11, r9, r11, asr #16\n" \
  "pkhtb r6, r7, r6, asr #16\n"   \
  "add r9, r5, r10\n"             \
  "sub r5, r5, r10\n"             \
  "sub r7, r4, r8\n"              \
  "add r4, r4, r8\n"              \
  "pkhtb r9, r7, r9, asr #16\n"   \
  "pkhtb r5, r4, r5, asr #16\n"   \
  "str r6, [r0, r1, lsl #1]\n"    \
  "str r9, [r0, r1]\n"            \
  "str r5, [r0, lr]\n"            \
  "str r11, [r0], #4\n" SEE("r6", "r9") SEE("r5", "r11")

#define PASS(factor, rotated)                                                  \
  __asm__ volatile(                                                            \
      ".syntax unified\n"                                                      \
      "push {r4-r11, lr}\n"                                                    \
      "sub sp, sp, #12\n"                                                      \
      "str r1, [sp, #4]\n"                                                     \
      "str r3, [sp, #8]\n"                                                     \
      "lsl r1, r2, #2\n"                                                       \
      "add lr, r1, r1, lsl #1\n"                                               \
      "mov r3, #0\n"                                                           \
      "1:\n" /* a transform: its first butterfly has no twiddles */            \
      "add r4, r0, r1\n"                                                       \
      "str r4, [sp]\n"                                                         \
      "ldr r2, [sp, #8]\n" FIRST_TERM(factor) PLAIN                            \
      "b 3f\n"                                                                 \
      "2:\n" FIRST_TERM(factor) "ldm r2!, {r8, r9, r12}\n" rotated "3:\n" JOIN \
                                "ldr r4, [sp]\n"                               \
                                "cmp r0, r4\n"                                 \
                                "bne 2b\n"                                     \
                                "ldr r4, [sp, #4]\n"                           \
                                "add r0, r0, lr\n"                             \
                                "cmp r0, r4\n"                                 \
                                "bne 1b\n"                                     \
                                "mov r0, r3\n"                                 \
                                "add sp, sp, #12\n"                            \
                                "pop {r4-r11, pc}\n")

#define UNUSED __attribute__((unused))

__attribute__((naked)) uint32_t sotto_first_radix4_pass(UNUSED uint32_t *word,
                                                        UNUSED const uint32_t *end) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "mov r3, #0\n"
      "1:\n"
      "ldm r0, {r4, r5, r6, r7}\n"
      "sadd16 r8, r4, r5\n"
      "ssub16 r9, r4, r5\n"
      "sadd16 r10, r6, r7\n"
      "ssub16 r11, r6, r7\n"
      "sadd16 r4, r8, r10\n"
      "ssax r5, r9, r11\n"
      "ssub16 r6, r8, r10\n"
      "sasx r7, r9, r11\n"
      "stm r0!, {r4, r5, r6, r7}\n" SEE("r4", "r5") SEE("r6", "r7")
      "cmp r0, r1\n"
      "bne 1b\n"
      "mov r0, r3\n"
      "pop {r4-r11, pc}\n");
}

__attribute__((naked)) uint32_t sotto_radix4_pass_by_2(UNUSED uint32_t *word,
                                                       UNUSED const uint32_t *end,
                                                       UNUSED size_t length,
                                                       UNUSED const uint32_t *twiddles_q15) {
  PASS("0x80000000", ROTATED_BY_2);
}

__attribute__((naked)) uint32_t sotto_radix4_pass_by_4(UNUSED uint32_t *word,
                                                       UNUSED const uint32_t *end,
                                                       UNUSED size_t length,
                                                       UNUSED const uint32_t *twiddles_q15) {
  PASS("0xC0000000", ROTATED_BY("1"));
}

__attribute__((naked)) uint32_t sotto_radix4_pass_by_8(UNUSED uint32_t *word,
                                                       UNUSED const uint32_t *end,
                                                       UNUSED size_t length,
                                                       UNUSED const uint32_t *twiddles_q15) {
  PASS("0xE0000000", ROTATED_BY("2"));
}
#endif
