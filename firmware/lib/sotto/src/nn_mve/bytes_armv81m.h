/* Moving bytes by vectors of Armv8.1-M, the last one predicated. */
#ifndef SOTTO_NN_MVE_BYTES_ARMV81M_H
#define SOTTO_NN_MVE_BYTES_ARMV81M_H

#include <arm_mve.h>
#include <stdint.h>

static inline void mve_copy(int8_t *target, const int8_t *source, int32_t count) {
  __asm__ volatile(
      "wlstp.8 lr, %[count], 2f\n"
      "1:\n"
      "vldrb.8 q0, [%[source]], #16\n"
      "vstrb.8 q0, [%[target]], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : [target] "+r"(target), [source] "+r"(source)
      : [count] "r"(count)
      : "lr", "q0", "cc", "memory");
}

static inline void mve_fill(int8_t *target, int32_t value, int32_t count) {
  __asm__ volatile(
      "vdup.8 q0, %[value]\n"
      "wlstp.8 lr, %[count], 2f\n"
      "1:\n"
      "vstrb.8 q0, [%[target]], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : [target] "+r"(target)
      : [value] "r"(value), [count] "r"(count)
      : "lr", "q0", "cc", "memory");
}

static inline void mve_clamp(int8_t *values, int32_t count, int32_t low, int32_t high) {
  const int8x16_t lows = vdupq_n_s8((int8_t)low);
  const int8x16_t highs = vdupq_n_s8((int8_t)high);
  for (; count > 0; count -= 16, values += 16) {
    const mve_pred16_t left = vctp8q((uint32_t)count);
    const int8x16_t floored = vmaxq_s8(vldrbq_z_s8(values, left), lows);
    vstrbq_p_s8(values, vminq_s8(floored, highs), left);
  }
}

/* Moves `count` pixels of up to eight channels to a plane for each channel, plane_bytes apart.
 * Pre: 7 * plane_bytes < 2^16. */
static inline void mve_unpack(int8_t *planes, int32_t plane_bytes, const int8_t *source,
                              int32_t source_step, int32_t count, int32_t lanes) {
  const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)plane_bytes);
  const mve_pred16_t used = vctp16q((uint32_t)lanes);
  for (; count > 0; --count, ++planes, source += source_step) {
    vstrbq_scatter_offset_p_s16(planes, offsets, vldrbq_z_s16(source, used), used);
  }
}

#endif
