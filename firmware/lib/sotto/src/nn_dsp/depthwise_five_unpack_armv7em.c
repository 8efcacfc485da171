/* Unpacking of four channels of rows of five columns for Armv7E-M: 38 instructions for 20 values.
 *
 *   r0 source, r1 column bytes, r2-r5 four planes, r6-r9 and r10 the columns of four channels,
 *   r11, r12, lr a row of a plane; sp: [0] end of the image
 */
#include "depthwise_five.h"

#ifdef __ARM_FEATURE_DSP
/* A row of one plane; `columns` and `two_columns`: bytes of two channels of columns 0 and 1, of
 * columns 2 and 3. */
#define PLANE_ROW(plane, columns, two_columns, odd, byte) \
  "uxtb16 r11, " #columns odd                             \
  "\n"                                                    \
  "uxtb16 r12, " #two_columns odd                         \
  "\n"                                                    \
  "ubfx lr, r10, #" #byte                                 \
  ", #8\n"                                                \
  "stm " #plane "!, {r11, r12, lr}\n"

__attribute__((naked)) void sotto_depthwise_five_unpack(__attribute__((unused))
                                                        const depthwise_five_image *image) {
  __asm__ volatile(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldm r0, {r0, r1, r2, r3, r4}\n"
      "add r5, r0, r2\n"
      "push {r5}\n"
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
      "eor r10, r10, #0x80808080\n"
      "pkhbt r11, r6, r7, lsl #16\n" /* channels 0 and 1 */
      "pkhtb r7, r7, r6, asr #16\n"  /* channels 2 and 3 */
      "pkhbt r12, r8, r9, lsl #16\n"
      "pkhtb r9, r9, r8, asr #16\n"
      "eor r6, r11, #0x80808080\n"
      "eor r7, r7, #0x80808080\n"
      "eor r8, r12, #0x80808080\n"
      "eor r9, r9, #0x80808080\n"
      PLANE_ROW(r2, r6, r8, "", 0)
      PLANE_ROW(r3, r6, r8, ", ror #8", 8)
      PLANE_ROW(r4, r7, r9, "", 16)
      PLANE_ROW(r5, r7, r9, ", ror #8", 24)
      "ldr r11, [sp]\n"
      "cmp r0, r11\n"
      "bne 1b\n"
      "add sp, sp, #4\n"
      "pop {r4-r11, pc}\n");
}
#endif
