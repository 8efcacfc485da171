/* Moving and adding bytes by vectors of Armv8.1-M, the last one predicated. */
#ifndef SOTTO_NN_MVE_BYTES_ARMV81M_H
#define SOTTO_NN_MVE_BYTES_ARMV81M_H

#include <arm_mve.h>
#include <stdint.h>

#include "rectangle.h"

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

/* Rows of up to 16 bytes. */
static inline void mve_copy_narrow(int8_t *target, const int8_t *source, rectangle size) {
  __asm__ volatile(
      "vctp.8 %[columns]\n"
      "wls lr, %[rows], 2f\n"
      "1:\n"
      "vpstt\n"
      "vldrbt.8 q0, [%[source]]\n"
      "vstrbt.8 q0, [%[target]]\n"
      "add %[source], %[source], %[source_step]\n"
      "add %[target], %[target], %[target_step]\n"
      "le lr, 1b\n"
      "2:\n"
      : [target] "+r"(target), [source] "+r"(source)
      : [columns] "r"(size.columns), [rows] "r"(size.rows), [source_step] "r"(size.source_step),
        [target_step] "r"(size.target_step)
      : "lr", "q0", "p0", "cc", "memory");
}

/* Pre: rows >= 0, columns >= 0. */
static inline void mve_copy_rows(int8_t *target, const int8_t *source, rectangle size) {
  if (size.columns <= 16) {
    mve_copy_narrow(target, source, size);
    return;
  }
  for (int32_t row = 0; row < size.rows; ++row) {
    mve_copy(target, source, size.columns);
    target += size.target_step;
    source += size.source_step;
  }
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

/* Moves pixels of up to eight channels to a plane for each channel, plane_bytes apart.
 * Pre: 7 * plane_bytes < 2^16. */
static inline void mve_unpack(int8_t *planes, int32_t plane_bytes, const int8_t *source,
                              int32_t pixel_bytes, int32_t channels, rectangle size) {
  if (size.columns <= 0) return;
  const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)plane_bytes);
  const int32_t source_back = size.source_step - size.columns * pixel_bytes;
  const int32_t target_back = size.target_step - size.columns;
  for (int32_t row = 0; row < size.rows; ++row) {
    __asm__ volatile(
        "vctp.16 %[channels]\n"
        "dls lr, %[columns]\n"
        "1:\n"
        "vpstt\n"
        "vldrbt.u16 q0, [%[source]]\n"
        "vstrbt.16 q0, [%[target], %q[offsets]]\n"
        "add %[source], %[source], %[pixel_bytes]\n"
        "add %[target], %[target], #1\n"
        "le lr, 1b\n"
        : [target] "+l"(planes), [source] "+l"(source)
        : [columns] "r"(size.columns), [pixel_bytes] "r"(pixel_bytes), [offsets] "w"(offsets),
          [channels] "r"(channels)
        : "lr", "q0", "p0", "cc", "memory");
    source += source_back;
    planes += target_back;
  }
}

/* Adds `count` pixels, `step` bytes apart, of up to four channels. */
static inline void mve_sum(int32_t sums[4], const int8_t *source, int32_t step, int32_t count,
                           int32_t channels) {
  const mve_pred16_t used = vctp32q((uint32_t)channels);
  int32x4_t total = vldrwq_s32(sums);
  for (; count > 0; --count, source += step) {
    total = vaddq_s32(total, vldrbq_z_s32(source, used));
  }
  vstrwq_s32(sums, total);
}

#endif
