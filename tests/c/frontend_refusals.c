/* Every documented refusal of sotto_frontend_init; prints the line of a check that fails. */
#include <stdio.h>

#include "sotto_frontend_tables.h"

#define CHECK(condition)                             \
  do {                                               \
    if (!(condition)) {                              \
      printf("line %d: %s\n", __LINE__, #condition); \
      return 1;                                      \
    }                                                \
  } while (0)

/* Status of init with one field of the good tables changed. */
#define STATUS_WITH(field, value)                                  \
  (tables = sotto_frontend_default_tables, tables.field = (value), \
   sotto_frontend_init(&fe, &tables, workspace, sizeof workspace))

int main(void) {
  static uint32_t workspace[SOTTO_FRONTEND_WORKSPACE_BYTES / 4];
  static uint16_t bands[SOTTO_FRONTEND_BINS + 2];
  const sotto_frontend_tables *good = &sotto_frontend_default_tables;
  sotto_frontend_tables tables;
  sotto_frontend fe;

  CHECK(sotto_frontend_init(&fe, good, workspace, sizeof workspace) == SOTTO_OK);
  CHECK(sotto_frontend_init(NULL, good, workspace, sizeof workspace) == SOTTO_E_ARGUMENT);
  CHECK(sotto_frontend_init(&fe, NULL, workspace, sizeof workspace) == SOTTO_E_ARGUMENT);
  CHECK(sotto_frontend_init(&fe, good, NULL, sizeof workspace) == SOTTO_E_ARGUMENT);
  CHECK(sotto_frontend_init(&fe, good, (char *)workspace + 2, sizeof workspace) ==
        SOTTO_E_ARGUMENT);
  CHECK(sotto_frontend_init(&fe, good, workspace, sizeof workspace - 1) == SOTTO_E_SIZE);
  CHECK(sotto_frontend_init(&fe, good, workspace, 0) == SOTTO_E_SIZE);

  CHECK(STATUS_WITH(fft_samples, 500) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(fft_samples, 32) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(fft_samples, 2048) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(fft_samples, 0) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(window_samples, 514) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(window_samples, 479) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(window_samples, 0) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(hop_samples, 0) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(hop_samples, 481) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(hop_samples, 480) == SOTTO_OK);
  CHECK(STATUS_WITH(bins, 0) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(bins, SOTTO_FRONTEND_MAX_BINS + 1) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(twiddle_words, good->twiddle_words - 3) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(noise_floor_log2, SOTTO_FRONTEND_MAX_NOISE_FLOOR_LOG2 + 1) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(zero_log2_q15, INT32_MAX) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(zero_log2_q15, INT32_MIN) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(steps_per_octave_q16, 0) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(steps_per_octave_q16, INT32_MAX) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(window_q15, NULL) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(twiddles_q15, NULL) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(split_q15, NULL) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(band_start, NULL) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(rising_q15, NULL) == SOTTO_E_ARGUMENT);
  CHECK(STATUS_WITH(log2_q15, NULL) == SOTTO_E_ARGUMENT);

  bands[SOTTO_FRONTEND_BINS + 1] = SOTTO_FRONTEND_FFT_SAMPLES / 2;
  CHECK(STATUS_WITH(band_start, bands) == SOTTO_OK);
  bands[SOTTO_FRONTEND_BINS + 1] = SOTTO_FRONTEND_FFT_SAMPLES / 2 + 1;
  CHECK(STATUS_WITH(band_start, bands) == SOTTO_E_ARGUMENT);
  bands[SOTTO_FRONTEND_BINS + 1] = 10;
  bands[3] = 11;
  CHECK(STATUS_WITH(band_start, bands) == SOTTO_E_ARGUMENT);
  return 0;
}
