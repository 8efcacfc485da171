/* PDM to PCM: the bits of a microphone at 1.024, 2.048 or 3.072 MHz become samples at 16 kHz.
 *
 *   bits -> CIC / 8 a byte -> CIC / 2, 4 or 6 -> FIR / 2 -> FIR / 2 with compensation -> int16
 *           1.024 .. 3.072 MHz                64 kHz     32 kHz                       16 kHz
 *
 * The two CIC stages together are one of the same order and the ratio of both (Hogenauer 1981): the
 * first one is a table of what each byte adds to this output and the next ones, so eight bits cost
 * one look-up. What each stage takes away, and how the numbers were chosen: docs/microphone.md.
 */
#ifndef SOTTO_PDM_H
#define SOTTO_PDM_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_PDM_SAMPLE_RATE_HZ 16000u

/* Order of the longest CIC: four 16-bit lanes fit in a row of the table. */
#define SOTTO_PDM_MAX_ORDER 4u

/* Coefficients of the two FIR filters, odd; being symmetric, the first half and the middle are
 * kept. */
#define SOTTO_PDM_FIRST_TAPS 11u
#define SOTTO_PDM_SECOND_TAPS 63u

/* Samples of 64 kHz that are filtered at a time. */
#define SOTTO_PDM_BLOCK_SAMPLES 64u

/* The two FIR filters that go with the droop of a CIC. Read only; may live in flash. */
typedef struct sotto_pdm_fir_filter {
  const int16_t *first_q15;  /* [SOTTO_PDM_FIRST_TAPS / 2 + 1], 64 to 32 kHz */
  const int16_t *second_q15; /* [SOTTO_PDM_SECOND_TAPS / 2 + 1], 32 to 16 kHz */
} sotto_pdm_fir_filter;

/* That of a CIC of order 3, and of order 4. */
extern const sotto_pdm_fir_filter sotto_pdm_fir3;
extern const sotto_pdm_fir_filter sotto_pdm_fir4;

/* A CIC's table, and what follows it. Read only; may live in flash. */
typedef struct sotto_pdm_filter {
  uint8_t order; /* of the CIC: 3 or 4 */

  /* [256]. Lane k of a row, 16 bits, is what the ones of that byte add to the CIC's output k bytes
   * later; the oldest bit of a byte is its highest. A sum of lanes is 8^order at most. */
  const uint64_t *lanes;

  const sotto_pdm_fir_filter *fir;
} sotto_pdm_filter;

/* Of order 4, the usual one, whatever folds into the band up to 7 kHz is 60 dB down; of order 3,
 * for modulators that are, too, 53 dB. Ripple below 7 kHz: 0.04 dB. */
extern const sotto_pdm_filter sotto_pdm_sinc3;
extern const sotto_pdm_filter sotto_pdm_sinc4;

/* State of the FIR filters. The fields are private. */
typedef struct sotto_pdm_fir {
  const sotto_pdm_fir_filter *filter;
  uint16_t first_held;
  uint16_t second_held;
  int16_t first[SOTTO_PDM_FIRST_TAPS + SOTTO_PDM_BLOCK_SAMPLES];
  int16_t second[SOTTO_PDM_SECOND_TAPS + SOTTO_PDM_BLOCK_SAMPLES / 2u];
} sotto_pdm_fir;

/* State of the whole. The fields are private. */
typedef struct sotto_pdm {
  const sotto_pdm_filter *filter;
  uint64_t lanes; /* of the outputs to come; lane 0 is the last one */
  uint32_t sums[SOTTO_PDM_MAX_ORDER];
  uint32_t differences[SOTTO_PDM_MAX_ORDER];
  uint32_t middle;    /* output of the CIC for as many ones as zeros */
  uint32_t scale_q24; /* from its output to int16 */
  uint16_t ratio;     /* of the second CIC stage */
  uint16_t missing;   /* bytes before its next output */
  sotto_pdm_fir fir;
} sotto_pdm;

/* Samples that `count_bytes` bytes give at most; a sample takes pdm_hz / 128,000 bytes. */
#define SOTTO_PDM_SAMPLES_MAX(count_bytes, pdm_hz) ((count_bytes) / ((pdm_hz) / 128000u) + 1u)

/* Binds `filter`, kept by the caller for as long as `pdm` is used, and begins after silence.
 * `pdm_hz` is a multiple of 512,000 from 1,024,000 to 3,072,000. Returns SOTTO_OK or
 * SOTTO_E_ARGUMENT. */
int sotto_pdm_init(sotto_pdm *pdm, const sotto_pdm_filter *filter,
                   uint32_t pdm_hz) SOTTO_WARN_UNUSED;

/* Takes all `count_bytes` bytes, the oldest bit of each in its highest place. Writes the samples
 * that are complete with them to `samples`, room for SOTTO_PDM_SAMPLES_MAX; returns how many. Ones
 * alone are 32767, zeros alone -32768. How the bytes are cut into calls changes nothing. */
size_t sotto_pdm_push(sotto_pdm *pdm, const uint8_t *bits, size_t count_bytes, int16_t *samples);

/* Samples that `count` samples of 64 kHz give at most. */
#define SOTTO_PDM_FIR_SAMPLES_MAX(count) ((count) / 4u + 1u)

/* The FIR filters alone, for a chip that has the CIC in hardware: binds `filter`, kept by the
 * caller for as long as `fir` is used, and begins after silence. */
void sotto_pdm_fir_init(sotto_pdm_fir *fir, const sotto_pdm_fir_filter *filter);

/* Takes all `count` samples of 64 kHz. Writes the samples that are complete with them to `samples`,
 * room for SOTTO_PDM_FIR_SAMPLES_MAX; returns how many. How they are cut into calls changes
 * nothing. */
size_t sotto_pdm_fir_push(sotto_pdm_fir *fir, const int16_t *samples_64khz, size_t count,
                          int16_t *samples);

#ifdef __cplusplus
}
#endif
#endif
