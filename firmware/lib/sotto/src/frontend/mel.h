/* The mel filters over the power spectrum of a frame, one energy after the other. */
#ifndef SOTTO_FRONTEND_MEL_H
#define SOTTO_FRONTEND_MEL_H

#include <stddef.h>
#include <stdint.h>

#include "log_mel.h"

/* Mel energy of |X|^2 / fft_samples = mel * 2^-scale. Exponents are -14 .. 12, so scale is below
 * 15 + 10 + 24 + 1. */
static inline int sotto_mel_scale(const sotto_frontend_tables *tables, int exponent) {
  return SOTTO_MEL_FRACTION_BITS + (31 - __builtin_clz(tables->fft_samples)) + 2 * exponent;
}

/* Hands each energy to `take`, which is inlined where it is known. The noise floor is below 2^59;
 * energies are below 2^56, so the sum fits. */
static inline __attribute__((always_inline)) void sotto_each_energy(
    const uint32_t *power, const sotto_frontend_tables *tables, int scale,
    void (*take)(const void *context, size_t bin, uint64_t energy), const void *context) {
  const int floor_log2 = scale + tables->noise_floor_log2;
  const uint64_t noise_floor = UINT64_C(1) << (floor_log2 > 0 ? floor_log2 : 0);

  /* A filter rises in one band and falls in the next. */
  const uint16_t *band_start = tables->band_start;
  const uint16_t *rising_q15 = tables->rising_q15;
  uint64_t unused = 0;
  uint64_t energy = noise_floor;
  size_t count = (size_t)band_start[1] - band_start[0];
  power += band_start[0];
  sotto_add_band(power, rising_q15, count, &energy, &unused);
  for (size_t bin = 0; bin < tables->bins; ++bin) {
    power += count;
    rising_q15 += count;
    count = (size_t)band_start[bin + 2] - band_start[bin + 1];
    uint64_t next = noise_floor;
    sotto_add_band(power, rising_q15, count, &next, &energy);
    take(context, bin, energy);
    energy = next;
  }
}

#endif
