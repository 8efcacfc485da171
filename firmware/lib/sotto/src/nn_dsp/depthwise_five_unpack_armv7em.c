/* Unpacking of four channels of rows of five columns for Armv7E-M: 37 instructions for 20 values.
 *
 *   r0 source, r1 column bytes, then a word of a row, r2-r5 four planes, r6-r10 the columns of four
 *   channels, then of two channels, r11 and r12 as they, r8 and lr words of a row
 *   sp: [0] column bytes, [4] end of the image
 */
#include "depthwise_five.h"

#ifdef __ARM_FEATURE_DSP
/* A row of one plane, of two channels' columns 0 and 1, 2 and 3, 3 and 4. */
#define PLANE_ROW(plane, first, second, third, odd) \
  "uxtb16 r1, " #first odd                          \
  "\n"                                              \
  "uxtb16 r8, " #second odd                         \
  "\n"                                              \
  "uxtb16 lr, " #third odd                          \
  "\n"                                              \
  "stm " #plane "!, {r1, r8, lr}\n"

__attribute__((naked)) void sotto_depthwise_five_unpack(__attribute__((unused))
                                                        const depthwise_five_image *image) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldm r0, {r0, r1, r2, r3, r4}\n"
      "add r5, r0, r2\n"
      "push {r1, r5}\n"
      "mov r2, r3\n"
      "add r3, r2, r4\n"
      "add r5, r3, r4, lsl #1\n"
      "add r4, r3, r4\n"
      "1:\n"
      "add r11, r0, r1\n"
      "ldr r6, [r0]\n"
      "ldr r7, [r0, r1]\n"
      "ldr r8, [r0, r1, lsl #1]\n"
      "ldr r10, [r0, r1, lsl #2]\n"
      "ldr r9, [r11, r1, lsl #1]\n"
      "add r0, r11, r1, lsl #2\n"
      "eor r6, r6, #0x80808080\n"
      "eor r7, r7, #0x80808080\n"
      "eor r8, r8, #0x80808080\n"
      "eor r9, r9, #0x80808080\n"
      "eor r10, r10, #0x80808080\n"
      "pkhbt r11, r6, r7, lsl #16\n" /* channels 0 and 1 */
      "pkhtb r7, r7, r6, asr #16\n"  /* channels 2 and 3 */
      "pkhbt r6, r8, r9, lsl #16\n"
      "pkhbt r12, r9, r10, lsl #16\n"
      "pkhtb r10, r10, r9, asr #16\n"
      "pkhtb r9, r9, r8, asr #16\n"
      PLANE_ROW(r2, r11, r6, r12, "")
      PLANE_ROW(r3, r11, r6, r12, ", ror #8")
      PLANE_ROW(r4, r7, r9, r10, "")
      PLANE_ROW(r5, r7, r9, r10, ", ror #8")
      "ldrd r1, r11, [sp]\n"
      "cmp r0, r11\n"
      "bne 1b\n"
      "add sp, sp, #8\n"
      "pop {r4-r11, pc}\n");
}
#endif
