#include "log_mel.h"

void sotto_features(const uint32_t *power, const sotto_frontend_tables *tables, int exponent,
                    int8_t *frame_s8) {
  /* Mel energy of |X|^2 / fft_samples = mel * 2^-scale. Exponents are -14 .. 12, so scale is below
   * 15 + 10 + 24 + 1 and the floor below 2^59; energies are below 2^56, so the sum fits. */
  const int scale =
      SOTTO_MEL_FRACTION_BITS + (31 - __builtin_clz(tables->fft_samples)) + 2 * exponent;
  const int floor_log2 = scale + tables->noise_floor_log2;
  const uint64_t noise_floor = UINT64_C(1) << (floor_log2 > 0 ? floor_log2 : 0);
  const int32_t zero_q15 = tables->zero_log2_q15 + scale * 32768;

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
    const int32_t log2_q15 = sotto_log2_q15(energy, tables->log2_q15);
    frame_s8[bin] = sotto_quantize(log2_q15, zero_q15, tables->steps_per_octave_q16);
    energy = next;
  }
}
