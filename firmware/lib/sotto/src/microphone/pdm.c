#include "sotto/pdm.h"

#include <stdbool.h>
#include <string.h>

#include "saturate.h"

#define LANE_BITS 16u
#define SILENCE 0x55u /* ones and zeros in turn */
#define STAGE_BYTES 8u
#define FIR_DECIMATION 4u
#define RATIO_UNIT_HZ (STAGE_BYTES * FIR_DECIMATION * SOTTO_PDM_SAMPLE_RATE_HZ)
#define RATIO_MIN 2u
#define RATIO_MAX 6u
#define Q24 24
#define Q15 15

/* The second CIC stage's output, when `sum` of its integrators is due: ones in all the bits that it
 * speaks of, weighted; 0 .. (8 ratio)^order <= 48^4, below 2^23. */
static uint32_t comb(sotto_pdm *pdm, uint32_t sum) {
  uint32_t *past = pdm->differences; /* modulo 2^32, as the sums are */
  const uint32_t first = sum - past[0];
  const uint32_t second = first - past[1];
  const uint32_t third = second - past[2];
  const uint32_t fourth = third - past[3];
  past[0] = sum;
  past[1] = first;
  past[2] = second;
  past[3] = third;
  return pdm->filter->order == SOTTO_PDM_MAX_ORDER ? fourth : third;
}

/* Output of the CIC to Q15: within 2^15 * (1 + 2^-24), so only the greatest is cut. */
static int16_t scaled(const sotto_pdm *pdm, uint32_t output) {
  const int64_t product = (int64_t)((int32_t)output - (int32_t)pdm->middle) * pdm->scale_q24;
  return saturate((int32_t)((product + (1 << (Q24 - 1))) >> Q24));
}

/* Takes bytes until the block is full. Returns how many; writes the samples of 64 kHz. */
static size_t cic(sotto_pdm *pdm, const uint8_t *bits, size_t count_bytes, int16_t *out,
                  uint32_t *produced) {
  const uint64_t *table = pdm->filter->lanes;
  const bool of_order_4 = pdm->filter->order == SOTTO_PDM_MAX_ORDER;
  uint64_t lanes = pdm->lanes;
  uint32_t sum0 = pdm->sums[0], sum1 = pdm->sums[1], sum2 = pdm->sums[2], sum3 = pdm->sums[3];
  uint32_t missing = pdm->missing;
  size_t taken = 0;
  *produced = 0;
  while (taken < count_bytes && *produced < SOTTO_PDM_BLOCK_SAMPLES) {
    const size_t left = count_bytes - taken;
    const size_t run = left < missing ? left : missing;
    for (size_t i = 0; i < run; i++) {
      lanes = (lanes >> LANE_BITS) + table[bits[taken + i]]; /* no lane overflows: 8^4 < 2^16 */
      sum0 += (uint16_t)lanes;
      sum1 += sum0;
      sum2 += sum1;
      sum3 += sum2; /* of order 3 nobody reads it */
    }
    taken += run;
    missing -= (uint32_t)run;
    if (missing == 0) {
      missing = pdm->ratio;
      out[(*produced)++] = scaled(pdm, comb(pdm, of_order_4 ? sum3 : sum2));
    }
  }
  pdm->lanes = lanes;
  pdm->sums[0] = sum0;
  pdm->sums[1] = sum1;
  pdm->sums[2] = sum2;
  pdm->sums[3] = sum3;
  pdm->missing = (uint16_t)missing;
  return taken;
}

/* One output of a symmetric FIR filter. |sum| < 1.95 * 2^15 * 2^15 < 2^31: a test holds the sums of
 * the coefficients. */
static int16_t fir(const int16_t *samples, const int16_t *half_q15, uint32_t taps) {
  const int16_t *end = samples + taps - 1u;
  const uint32_t middle = taps / 2u;
  int32_t sum = (1 << (Q15 - 1)) + half_q15[middle] * samples[middle];
  for (uint32_t i = 0; i < middle; i++) {
    sum += half_q15[i] * (*samples++ + *end--);
  }
  return saturate(sum >> Q15);
}

/* Filters and halves the rate of the `held` samples of a line; keeps those that later outputs need.
 * Writes the outputs, returns how many. */
static uint32_t halve(int16_t *line, uint16_t *held, const int16_t *half_q15, uint32_t taps,
                      int16_t *out) {
  uint32_t produced = 0;
  uint32_t at = 0;
  for (; at + taps <= *held; at += 2u) {
    out[produced++] = fir(line + at, half_q15, taps);
  }
  *held = (uint16_t)(*held - at);
  memmove(line, line + at, *held * sizeof *line);
  return produced;
}

void sotto_pdm_fir_init(sotto_pdm_fir *fir, const sotto_pdm_fir_filter *filter) {
  memset(fir, 0, sizeof *fir);
  fir->filter = filter;
  /* One sample less than a first output needs: it comes with the second of the first two. */
  fir->first_held = SOTTO_PDM_FIRST_TAPS - 2u;
  fir->second_held = SOTTO_PDM_SECOND_TAPS - 2u;
}

/* Filters what `count` samples, already behind the held ones of the first line, complete. */
static size_t filter_added(sotto_pdm_fir *fir, uint32_t count, int16_t *samples) {
  fir->first_held = (uint16_t)(fir->first_held + count);
  const uint32_t halved = halve(fir->first, &fir->first_held, fir->filter->first_q15,
                                SOTTO_PDM_FIRST_TAPS, fir->second + fir->second_held);
  fir->second_held = (uint16_t)(fir->second_held + halved);
  return halve(fir->second, &fir->second_held, fir->filter->second_q15, SOTTO_PDM_SECOND_TAPS,
               samples);
}

size_t sotto_pdm_fir_push(sotto_pdm_fir *fir, const int16_t *samples_64khz, size_t count,
                          int16_t *samples) {
  size_t written = 0;
  for (size_t taken = 0; taken < count;) {
    const size_t left = count - taken;
    const size_t block = left < SOTTO_PDM_BLOCK_SAMPLES ? left : SOTTO_PDM_BLOCK_SAMPLES;
    memcpy(fir->first + fir->first_held, samples_64khz + taken, block * sizeof *samples_64khz);
    taken += block;
    written += filter_added(fir, (uint32_t)block, samples + written);
  }
  return written;
}

int sotto_pdm_init(sotto_pdm *pdm, const sotto_pdm_filter *filter, uint32_t pdm_hz) {
  const uint32_t ratio = pdm_hz / RATIO_UNIT_HZ;
  if (pdm == NULL || filter == NULL || pdm_hz % RATIO_UNIT_HZ != 0 || ratio < RATIO_MIN ||
      ratio > RATIO_MAX) {
    return SOTTO_E_ARGUMENT;
  }
  memset(pdm, 0, sizeof *pdm);
  pdm->filter = filter;
  pdm->ratio = (uint16_t)ratio;
  pdm->missing = (uint16_t)ratio;
  uint32_t span = 1; /* (8 ratio)^order */
  for (uint32_t i = 0; i < filter->order; i++) {
    span *= STAGE_BYTES * ratio;
  }
  pdm->middle = span / 2u;
  const uint64_t q24_of_two = (uint64_t)1 << (Q24 + LANE_BITS);
  pdm->scale_q24 = (uint32_t)((q24_of_two + span / 2u) / span);
  sotto_pdm_fir_init(&pdm->fir, filter->fir);
  const uint8_t silence = SILENCE;
  int16_t ignored;
  uint32_t produced;
  for (uint32_t i = 0; i < filter->order * ratio; i++) {
    (void)cic(pdm, &silence, 1, &ignored, &produced);
  }
  return SOTTO_OK;
}

size_t sotto_pdm_push(sotto_pdm *pdm, const uint8_t *bits, size_t count_bytes, int16_t *samples) {
  size_t written = 0;
  for (size_t taken = 0; taken < count_bytes;) {
    uint32_t produced = 0;
    int16_t *added = pdm->fir.first + pdm->fir.first_held;
    taken += cic(pdm, bits + taken, count_bytes - taken, added, &produced);
    written += filter_added(&pdm->fir, produced, samples + written);
  }
  return written;
}
