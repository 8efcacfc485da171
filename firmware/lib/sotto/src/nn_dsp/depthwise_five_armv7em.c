/* The five-column depthwise kernel's inner loops for Armv7E-M: 11 instructions for a kernel row of
 * five outputs, which have 13 taps in the image.
 *
 *   r0 plane, r1 stream, r2 output, r3-r7 five accumulators, r8-r10 a row of values,
 *   r11-r12 weights (w0, w1) and (w1, w2), lr column bytes
 *   sp: [0] end of the channel's output, [4] bytes of all output rows, [8] channels left
 */
#include "depthwise_five.h"

#ifdef __ARM_FEATURE_DSP
#include "requantise_armv7em.h"

/* All taps of a kernel row, onto the accumulators a0 .. a4: */
#define TAPS(a0, a1, a2, a3, a4) \
  "smlad r3, r8, r12, " #a0      \
  "\n"                           \
  "smlad r4, r8, r11, " #a1      \
  "\n"                           \
  "smlatb r5, r8, r11, " #a2     \
  "\n"                           \
  "smlad r6, r9, r11, " #a3      \
  "\n"                           \
  "smlatb r7, r9, r11, " #a4     \
  "\n"                           \
  "smlabt r4, r9, r12, r4\n"     \
  "smlad r5, r9, r12, r5\n"      \
  "smlabt r6, r10, r12, r6\n"    \
  "smlabb r7, r10, r12, r7\n"
#define FIRST_KERNEL_ROW      \
  "ldm r1!, {r7, r11, r12}\n" \
  "ldm r0!, {r8, r9, r10}\n" TAPS(r7, r7, r7, r7, r7)
#define KERNEL_ROW        \
  "ldm r1!, {r11, r12}\n" \
  "ldm r0!, {r8, r9, r10}\n" TAPS(r3, r4, r5, r6, r7)
#define BEGIN                                  \
  ".syntax unified\n"                          \
  "push {r4-r11, lr}\n"                        \
  "ldm r0, {r0, r1, r2, r3, r4}\n"             \
  "mov lr, r3\n"                               \
  "mov r5, #4\n" /* DEPTHWISE_FIVE_CHANNELS */ \
  "add r3, r2, r4\n"                           \
  "push {r3, r4, r5}\n"                        \
  "1:\n" /* an output row */
/* From the last kernel row on. `back`: bytes of the plane from the end of the last kernel row to
 * the first of the next output row; `rewind`: bytes of a channel's stream. */
#define END(back, rewind) \
  "ldr r11, [r1], #4\n"                                \
  FITTED_PRODUCT(r3, r11) FITTED_PRODUCT(r4, r11)      \
  FITTED_PRODUCT(r5, r11) FITTED_PRODUCT(r6, r11)      \
  FITTED_PRODUCT(r7, r11)                              \
  SATURATE_FITTED(r3) SATURATE_FITTED(r4)              \
  SATURATE_FITTED(r5) SATURATE_FITTED(r6)              \
  SATURATE_FITTED(r7)                                  \
  "ldr r8, [sp]\n"                                     \
  "strb r3, [r2]\n"                                    \
  "strb r4, [r2, lr]\n"                                \
  "strb r5, [r2, lr, lsl #1]\n"                        \
  "strb r7, [r2, lr, lsl #2]\n"                        \
  "add r2, r2, lr\n"                                   \
  "strb r6, [r2, lr, lsl #1]\n"                        \
  "add r2, r2, lr, lsl #2\n"                           \
  "sub r0, r0, #" #back "\n"                           \
  "sub r1, r1, #" #rewind "\n"                         \
  "cmp r2, r8\n"                                       \
  "bne 1b\n"                                           \
  "add r0, r0, #" #back "\n"                           \
  "add r1, r1, #" #rewind "\n"                         \
  "ldrd r4, r5, [sp, #4]\n"                            \
  "sub r2, r2, r4\n"                                   \
  "add r2, r2, #1\n" /* the next channel */            \
  "add r8, r8, #1\n"                                   \
  "subs r5, r5, #1\n"                                  \
  "str r8, [sp]\n"                                     \
  "str r5, [sp, #8]\n"                                 \
  "bne 1b\n"                                           \
  "add sp, sp, #12\n"                                  \
  "pop {r4-r11, pc}\n"

__attribute__((naked)) void sotto_depthwise_five_3(__attribute__((unused))
                                                   const depthwise_five *five) {
  __asm__ volatile(BEGIN FIRST_KERNEL_ROW KERNEL_ROW KERNEL_ROW END(24, 32));
}

__attribute__((naked)) void sotto_depthwise_five_5(__attribute__((unused))
                                                   const depthwise_five *five) {
  __asm__ volatile(BEGIN FIRST_KERNEL_ROW KERNEL_ROW KERNEL_ROW KERNEL_ROW KERNEL_ROW END(48, 48));
}
#endif
