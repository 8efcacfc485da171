/* Audio front-end: int16 samples -> window -> real FFT -> mel -> log2 -> int8 features, all fixed
 * point.
 *
 * Training calls this same code through training/native, so there is no second implementation.
 * The caller owns every byte: tables (constants, written by training/export/frontend_c.py), state
 * and workspace. Stages, Q formats and bounds: docs/frontend.md.
 */
#ifndef SOTTO_FRONTEND_H
#define SOTTO_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ranges that sotto_frontend_init accepts. */
#define SOTTO_FRONTEND_MIN_FFT_SAMPLES 64
#define SOTTO_FRONTEND_MAX_FFT_SAMPLES 1024
#define SOTTO_FRONTEND_MAX_BINS 128
#define SOTTO_FRONTEND_MAX_NOISE_FLOOR_LOG2 9

/* Segments of the log2 table; it has one value more. */
#define SOTTO_FRONTEND_LOG2_SEGMENTS 32

/* Bytes of workspace: packed spectrum (u32, a word for two samples), past samples (i16). */
#define SOTTO_FRONTEND_WORKSPACE_SIZE(window_samples, fft_samples) \
  (2U * (fft_samples) + 2U * (window_samples))

/* Alignment of the workspace. */
#define SOTTO_FRONTEND_WORKSPACE_ALIGN 4

/* Everything that depends on the configuration. Read only; may live in flash.
 *
 * A packed complex word holds the real part in bits 0-15 and the imaginary part in bits 16-31. */
typedef struct sotto_frontend_tables {
  uint16_t window_samples; /* 2 .. fft_samples, even */
  uint16_t hop_samples;    /* 1 .. window_samples */
  uint16_t fft_samples;    /* a power of two */
  uint16_t bins;           /* mel filters, features of a frame */

  /* [window_samples], 0 .. 32767. Any four values fft_samples/4 apart sum to less than 3.9. */
  const int16_t *window_q15;

  /* Radix-4 passes, shortest first. The pass that joins transforms of `length` points has for each
   * butterfly k = 1 .. length-1 the words w^2k, w^k, w^3k with w = exp(-2 pi i / (4 length)). */
  const uint32_t *twiddles_q15;
  uint16_t twiddle_words;

  /* exp(-2 pi i k / fft_samples), k = 1 .. fft_samples/4: joins the half-size transform. */
  const uint32_t *split_q15;

  /* [bins + 2], ascending, <= fft_samples/2. Band b is [band_start[b], band_start[b + 1]). In it
   * filter b rises from 0 to 1 while filter b - 1 falls from 1 to 0. */
  const uint16_t *band_start;

  /* [band_start[bins + 1] - band_start[0]], weight of the rising filter. */
  const uint16_t *rising_q15;

  const uint16_t *log2_q15; /* [SOTTO_FRONTEND_LOG2_SEGMENTS + 1], log2(1 + i / segments) */

  uint8_t noise_floor_log2;     /* 2^noise_floor_log2 is added to each mel energy */
  int32_t zero_log2_q15;        /* log2 of the mel energy whose feature is 0 */
  int32_t steps_per_octave_q16; /* features for each doubling of the mel energy; <= 64 */
} sotto_frontend_tables;

/* State. The fields are private. */
typedef struct sotto_frontend {
  const sotto_frontend_tables *tables;
  uint32_t *spectrum;  /* [fft_samples / 2] */
  uint32_t *pairs;     /* [window_samples / 2], samples two a word, oldest first and low */
  size_t samples_held; /* of them filled, 0 .. window_samples */
} sotto_frontend;

/* Binds `tables` and `workspace` (SOTTO_FRONTEND_WORKSPACE_ALIGN aligned), both kept by the caller
 * for as long as `fe` is used, and resets. Returns SOTTO_OK, SOTTO_E_ARGUMENT (null or misaligned
 * pointer, table out of its documented range) or SOTTO_E_SIZE (workspace too small). */
int sotto_frontend_init(sotto_frontend *fe, const sotto_frontend_tables *tables, void *workspace,
                        size_t workspace_bytes) SOTTO_WARN_UNUSED;

/* Forgets all samples: the next frame needs window_samples new ones. */
void sotto_frontend_reset(sotto_frontend *fe);

/* Takes samples until one frame is complete. Writes how many of `count` were taken to `consumed`.
 * Returns 1 when `frame_s8[bins]` was written, 0 when all samples were taken and more are needed.
 * The first frame comes after window_samples samples, each later one after hop_samples; how the
 * samples are cut into calls changes nothing. */
int sotto_frontend_push(sotto_frontend *fe, const int16_t *samples, size_t count, size_t *consumed,
                        int8_t *frame_s8) SOTTO_WARN_UNUSED;

/* What a tap sees of a frame, in this order. A stage's exponent e: value = number * 2^-e. */
typedef enum sotto_frontend_stage {
  SOTTO_STAGE_WINDOWED, /* s16[fft_samples], pairs of samples in bit-reversed order, times window */
  SOTTO_STAGE_SPECTRUM, /* s16[fft_samples], real and imaginary part of the half-size FFT */
  SOTTO_STAGE_POWER,    /* u32[fft_samples / 2], |X_k|^2; its exponent counts twice */
  SOTTO_STAGE_MEL,      /* u64[bins], mel energies with the noise floor, unit 2^-exponent */
  SOTTO_STAGE_FEATURES, /* s8[bins] */
  SOTTO_FRONTEND_STAGES,
} sotto_frontend_stage;

/* Sees what each stage of a frame wrote. `see` gets the stages in their order; mel energies come
 * one at a time, all others whole. The bytes are gone when the next stage runs. */
typedef struct sotto_frontend_tap {
  void (*see)(void *context, sotto_frontend_stage stage, int exponent, const void *data,
              size_t length_bytes);
  void *context;
} sotto_frontend_tap;

/* As sotto_frontend_push, and shows the stages of the frame to `tap`. A build that never calls it
 * does not contain it. */
int sotto_frontend_push_tapped(sotto_frontend *fe, const int16_t *samples, size_t count,
                               size_t *consumed, int8_t *frame_s8,
                               const sotto_frontend_tap *tap) SOTTO_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
#endif
