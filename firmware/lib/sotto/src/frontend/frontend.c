#include "sotto/frontend.h"

#include <string.h>

#include "stages.h"

#define MAX_ZERO_LOG2_Q15 (64 * 32768)
#define MAX_STEPS_PER_OCTAVE_Q16 (64 * 65536)

static size_t twiddle_words(size_t points) {
  size_t words = 0;
  for (size_t length = SOTTO_FIRST_PASS_POINTS(points); length < points; length *= 4) {
    words += 3 * (length - 1);
  }
  return words;
}

static int shape_is_valid(const sotto_frontend_tables *t) {
  const size_t fft = t->fft_samples;
  return fft >= SOTTO_FRONTEND_MIN_FFT_SAMPLES && fft <= SOTTO_FRONTEND_MAX_FFT_SAMPLES &&
         (fft & (fft - 1)) == 0 && t->window_samples >= 2 && t->window_samples <= fft &&
         t->window_samples % 2 == 0 && t->hop_samples >= 1 && t->hop_samples <= t->window_samples &&
         t->bins >= 1 && t->bins <= SOTTO_FRONTEND_MAX_BINS &&
         t->twiddle_words == twiddle_words(fft / 2);
}

static int scales_are_valid(const sotto_frontend_tables *t) {
  return t->noise_floor_log2 <= SOTTO_FRONTEND_MAX_NOISE_FLOOR_LOG2 &&
         t->zero_log2_q15 >= -MAX_ZERO_LOG2_Q15 && t->zero_log2_q15 <= MAX_ZERO_LOG2_Q15 &&
         t->steps_per_octave_q16 >= 1 && t->steps_per_octave_q16 <= MAX_STEPS_PER_OCTAVE_Q16;
}

static int bands_are_valid(const sotto_frontend_tables *t) {
  for (size_t band = 0; band <= t->bins; ++band) {
    if (t->band_start[band] > t->band_start[band + 1]) {
      return 0;
    }
  }
  return t->band_start[t->bins + 1] <= t->fft_samples / 2;
}

int sotto_frontend_init(sotto_frontend *fe, const sotto_frontend_tables *tables, void *workspace,
                        size_t workspace_bytes) {
  if (fe == NULL || tables == NULL || workspace == NULL ||
      (uintptr_t)workspace % SOTTO_FRONTEND_WORKSPACE_ALIGN != 0 || tables->window_q15 == NULL ||
      tables->twiddles_q15 == NULL || tables->split_q15 == NULL || tables->band_start == NULL ||
      tables->rising_q15 == NULL || tables->log2_q15 == NULL || !shape_is_valid(tables) ||
      !scales_are_valid(tables) || !bands_are_valid(tables)) {
    return SOTTO_E_ARGUMENT;
  }
  if (workspace_bytes <
      SOTTO_FRONTEND_WORKSPACE_SIZE((size_t)tables->window_samples, tables->fft_samples)) {
    return SOTTO_E_SIZE;
  }
  fe->tables = tables;
  fe->spectrum = workspace;
  fe->pairs = fe->spectrum + tables->fft_samples / 2;
  sotto_frontend_reset(fe);
  return SOTTO_OK;
}

void sotto_frontend_reset(sotto_frontend *fe) {
  fe->samples_held = 0;
}

static void show(const sotto_frontend_tap *tap, sotto_frontend_stage stage, int exponent,
                 const void *data, size_t length_bytes) {
  tap->see(tap->context, stage, exponent, data, length_bytes);
}

/* One frame of features from fe->pairs, which stay as they are. Inlined twice: without a tap
 * nothing of it is left. */
static inline __attribute__((always_inline)) void compute_frame(sotto_frontend *fe,
                                                                int8_t *frame_s8,
                                                                const sotto_frontend_tap *tap) {
  const sotto_frontend_tables *t = fe->tables;
  const size_t spectrum_bytes = t->fft_samples * sizeof(int16_t);
  uint32_t seen;
  int exponent =
      sotto_window(fe->pairs, t->window_q15, t->window_samples, fe->spectrum, t->fft_samples);
  if (tap) show(tap, SOTTO_STAGE_WINDOWED, exponent, fe->spectrum, spectrum_bytes);
  exponent = sotto_fft(fe->spectrum, t->fft_samples / 2U, t->twiddles_q15, exponent, &seen);
  if (tap) show(tap, SOTTO_STAGE_SPECTRUM, exponent, fe->spectrum, spectrum_bytes);
  exponent = sotto_power(fe->spectrum, t->fft_samples, t->split_q15, exponent, seen);
  if (tap) show(tap, SOTTO_STAGE_POWER, exponent, fe->spectrum, spectrum_bytes);
  if (tap) sotto_show_energies(fe->spectrum, t, exponent, tap);
  sotto_features(fe->spectrum, t, exponent, frame_s8);
  if (tap) show(tap, SOTTO_STAGE_FEATURES, 0, frame_s8, t->bins);
}

/* Takes samples; true when a window of them is there. */
static int fill_window(sotto_frontend *fe, const int16_t *samples, size_t count, size_t *consumed) {
  const size_t window = fe->tables->window_samples;
  const size_t missing = window - fe->samples_held;
  const size_t taken = count < missing ? count : missing;
  if (taken > 0) {
    memcpy((unsigned char *)fe->pairs + fe->samples_held * sizeof *samples, samples,
           taken * sizeof *samples);
  }
  fe->samples_held += taken;
  *consumed = taken;
  return fe->samples_held == window;
}

/* Keeps what the next window has in common with this one. */
static void move_window(sotto_frontend *fe) {
  const size_t hop = fe->tables->hop_samples;
  fe->samples_held = fe->tables->window_samples - hop;
  memmove(fe->pairs, (unsigned char *)fe->pairs + hop * sizeof(int16_t),
          fe->samples_held * sizeof(int16_t));
}

int sotto_frontend_push(sotto_frontend *fe, const int16_t *samples, size_t count, size_t *consumed,
                        int8_t *frame_s8) {
  if (!fill_window(fe, samples, count, consumed)) {
    return 0;
  }
  compute_frame(fe, frame_s8, NULL);
  move_window(fe);
  return 1;
}

int sotto_frontend_push_tapped(sotto_frontend *fe, const int16_t *samples, size_t count,
                               size_t *consumed, int8_t *frame_s8, const sotto_frontend_tap *tap) {
  if (!fill_window(fe, samples, count, consumed)) {
    return 0;
  }
  compute_frame(fe, frame_s8, tap);
  move_window(fe);
  return 1;
}
