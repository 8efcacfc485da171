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

/* All taps of a kernel row, onto the accumulators a0 .. a4. */
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
#define FIRST_KERNEL_ROW                          \
  "ldm r1, {r7, r11, r12}\n" /* the bias first */ \
  "ldm r0!, {r8, r9, r10}\n" TAPS(r7, r7, r7, r7, r7)
/* `weights`: bytes from the start of the channel's stream. */
#define KERNEL_ROW(weights)        \
  "ldrd r11, r12, [r1, #" #weights \
  "]\n"                            \
  "ldm r0!, {r8, r9, r10}\n" TAPS(r3, r4, r5, r6, r7)
#define BEGIN                                           \
  ".syntax unified\n"                                   \
  "push {r4-r11, lr}\n"                                 \
  "ldm r0, {r0, r1, r2, r3, r4}\n" /* depthwise_five */ \
  "mov lr, r3\n"                                        \
  "mov r5, #4\n" /* DEPTHWISE_FIVE_CHANNELS */          \
  "add r3, r2, r4\n"                                    \
  "push {r3, r4, r5}\n"                                 \
  "1:\n" /* an output row */
/* From the last kernel row on. `factor`: bytes of the stream before it; `stream`: bytes of a
 * channel's; `back`: bytes of the plane from the last kernel row's end to the next output row. */
#define END(factor, stream, back) \
  "ldr r11, [r1, #" #factor "]\n" \
  "ldr r8, [sp]\n" \
  FITTED_PRODUCT(r3, r11) FITTED_PRODUCT(r4, r11) FITTED_PRODUCT(r5, r11) \
  FITTED_PRODUCT(r6, r11) FITTED_PRODUCT(r7, r11) \
  SATURATE_FITTED(r3) SATURATE_FITTED(r4) SATURATE_FITTED(r5) \
  SATURATE_FITTED(r6) SATURATE_FITTED(r7) \
  "strb r3, [r2]\n" \
  "strb r4, [r2, lr]\n" \
  "strb r5, [r2, lr, lsl #1]\n" \
  "strb r7, [r2, lr, lsl #2]\n" \
  "add r2, r2, lr\n" \
  "strb r6, [r2, lr, lsl #1]\n" \
  "add r2, r2, lr, lsl #2\n" \
  "sub r0, r0, #" #back "\n" \
  "cmp r2, r8\n" \
  "bne 1b\n" \
  "ldrd r4, r5, [sp, #4]\n" /* the next channel */ \
  "add r0, r0, #" #back "\n" \
  "add r1, r1, #" #stream "\n" \
  "sub r2, r2, r4\n" \
  "add r2, r2, #1\n" \
  "add r8, r8, #1\n" \
  "subs r5, r5, #1\n" \
  "str r8, [sp]\n" \
  "str r5, [sp, #8]\n" \
  "bne 1b\n" \
  "add sp, sp, #12\n" \
  "pop {r4-r11, pc}\n"

__attribute__((naked)) void sotto_depthwise_five_3(__attribute__((unused))
                                                   const depthwise_five *five) {
  __asm__ volatile(BEGIN FIRST_KERNEL_ROW KERNEL_ROW(12) KERNEL_ROW(20) END(28, 32, 24));
}

__attribute__((naked)) void sotto_depthwise_five_5(__attribute__((unused))
                                                   const depthwise_five *five) {
  __asm__ volatile(BEGIN FIRST_KERNEL_ROW KERNEL_ROW(12) KERNEL_ROW(20) KERNEL_ROW(28)
                       KERNEL_ROW(36) END(44, 48, 48));
}
#endif
