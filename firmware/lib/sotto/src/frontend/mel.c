#include "stages.h"

void sotto_mel(const uint32_t *power, const uint16_t *band_start, const uint16_t *rising_q15,
               size_t bins, uint64_t *mel) {
  /* Each spectrum bin feeds two neighbours, and its two weights sum to one: one weight is stored,
   * one product computed, and the band's total gives the other. */
  size_t k = band_start[0];
  for (size_t band = 0; band <= bins; ++band) {
    uint64_t total = 0;      /* < 512 * 2^32 = 2^41 */
    uint64_t rising_sum = 0; /* < 2^56 */
    for (; k < band_start[band + 1]; ++k) {
      total += power[k];
      rising_sum += (uint64_t)power[k] * *rising_q15++;
    }
    if (band > 0) {
      mel[band - 1] += (total << SOTTO_MEL_FRACTION_BITS) - rising_sum;
    }
    if (band < bins) {
      mel[band] = rising_sum;
    }
  }
}
