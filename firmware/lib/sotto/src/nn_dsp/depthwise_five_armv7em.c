/* The five-column depthwise kernel's inner loops for Armv7E-M: 10 instructions for a kernel row of
 * five outputs, which have 13 taps in the image.
 *
 *   r0 plane, r1 factor, r2 output, r3-r7 five accumulators, r8-r10 a row of values,
 *   r11-r12 weights (w0, w1) and (w1, w2), lr column bytes
 *   sp: bias and weights of the channel, then from the byte `state` on: [0] stream of the next
 *       channel, [4] end of the channel's output, [8] bytes of all output rows, [12] channels left
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
  "smlad r7, r10, r11, " #a4     \
  "\n"                           \
  "smlabt r4, r9, r12, r4\n"     \
  "smlad r5, r9, r12, r5\n"      \
  "smlatt r6, r10, r12, r6\n"
#define FIRST_KERNEL_ROW                          \
  "ldm sp, {r7, r11, r12}\n" /* the bias first */ \
  "ldm r0!, {r8, r9, r10}\n" TAPS(r7, r7, r7, r7, r7)
/* `weights`: where on the stack. */
#define KERNEL_ROW(weights)        \
  "ldrd r11, r12, [sp, #" #weights \
  "]\n"                            \
  "ldm r0!, {r8, r9, r10}\n" TAPS(r3, r4, r5, r6, r7)
/* Bytes w1, w0, w2 of the stream to lanes 256 * (w0, w1) and 256 * (w1, w2). */
#define LOAD(bytes, at) "ldr " #bytes ", [r1, #" #at "]\n"
#define UNPACK(bytes, weights)  \
  "and r11, " #bytes            \
  ", #0xff00\n"                 \
  "lsl r12, " #bytes            \
  ", #8\n"                      \
  "orr r11, r11, " #bytes       \
  ", lsl #24\n"                 \
  "bic r12, r12, #0x00ff00ff\n" \
  "strd r11, r12, [sp, #" #weights "]\n"
/* `state`: bytes of the stack before it. */
#define BEGIN(state)                                    \
  ".syntax unified\n"                                   \
  "push {r4-r11, lr}\n"                                 \
  "ldm r0, {r0, r1, r2, r3, r4}\n" /* depthwise_five */ \
  "mov lr, r3\n"                                        \
  "mov r5, #4\n" /* DEPTHWISE_FIVE_CHANNELS */          \
  "add r3, r2, r4\n"                                    \
  "push {r1, r3, r4, r5}\n"                             \
  "sub sp, sp, #" #state                                \
  "\n"                                                  \
  "2:\n" /* a channel */                                \
  "ldr r1, [sp, #" #state "]\n" LOAD(r3, 0) LOAD(r4, 4)
/* Behind the unpacked weights: bias and factor to their places. `bytes`: of the channel's stream;
 * `next`: the state's. */
#define BEGIN_ROWS(bytes, next) \
  "add r1, r1, #" #bytes        \
  "\n"                          \
  "str r3, [sp]\n"              \
  "str r1, [sp, #" #next        \
  "]\n"                         \
  "mov r1, r4\n"                \
  "1:\n" /* an output row */
/* From the last kernel row on. `back`: bytes of the plane from the last kernel row's end to the
 * next output row; the others are bytes of the stack: of the state's fields and of all of it. */
#define END(back, end, bytes, channels, all) \
  FITTED_PRODUCT(r3, r1) FITTED_PRODUCT(r4, r1) FITTED_PRODUCT(r5, r1) \
  FITTED_PRODUCT(r6, r1) FITTED_PRODUCT(r7, r1) \
  SATURATE_FITTED(r3) SATURATE_FITTED(r4) SATURATE_FITTED(r5) \
  SATURATE_FITTED(r6) SATURATE_FITTED(r7) \
  "strb r3, [r2]\n" \
  "ldr r8, [sp, #" #end "]\n" \
  "strb r4, [r2, lr]\n" \
  "strb r5, [r2, lr, lsl #1]\n" \
  "strb r7, [r2, lr, lsl #2]\n" \
  "add r2, r2, lr\n" \
  "strb r6, [r2, lr, lsl #1]\n" \
  "add r2, r2, lr, lsl #2\n" \
  "sub r0, r0, #" #back "\n" \
  "cmp r2, r8\n" \
  "bne 1b\n" \
  "ldrd r4, r5, [sp, #" #bytes "]\n" \
  "add r0, r0, #" #back "\n" \
  "sub r2, r2, r4\n" \
  "add r2, r2, #1\n" \
  "add r8, r8, #1\n" \
  "subs r5, r5, #1\n" \
  "str r8, [sp, #" #end "]\n" \
  "str r5, [sp, #" #channels "]\n" \
  "bne 2b\n" \
  "add sp, sp, #" #all "\n" \
  "pop {r4-r11, pc}\n"

__attribute__((naked)) void sotto_depthwise_five_3(__attribute__((unused))
                                                   const depthwise_five *five) {
  __asm__ volatile(BEGIN(28) LOAD(r5, 8) LOAD(r6, 11) LOAD(r7, 14) UNPACK(r5, 4) UNPACK(r6, 12)
                       UNPACK(r7, 20) BEGIN_ROWS(17, 28) FIRST_KERNEL_ROW KERNEL_ROW(12)
                           KERNEL_ROW(20) END(24, 32, 36, 40, 44));
}

__attribute__((naked)) void sotto_depthwise_five_5(__attribute__((unused))
                                                   const depthwise_five *five) {
  __asm__ volatile(BEGIN(44) LOAD(r5, 8) LOAD(r6, 11) LOAD(r7, 14) LOAD(r8, 17) LOAD(r9, 20)
                       UNPACK(r5, 4) UNPACK(r6, 12) UNPACK(r7, 20) UNPACK(r8, 28) UNPACK(r9, 36)
                           BEGIN_ROWS(23, 44) FIRST_KERNEL_ROW KERNEL_ROW(12) KERNEL_ROW(20)
                               KERNEL_ROW(28) KERNEL_ROW(36) END(48, 48, 52, 56, 60));
}
#endif
