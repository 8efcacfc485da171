/* Level of a microphone's samples: takes away what is constant, then multiplies, with saturation.
 * In place, block by block. */
#ifndef SOTTO_LEVEL_H
#define SOTTO_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Corner of the high-pass at 16 kHz with this shift: 16000 / (2 pi 2^8) = 9.9 Hz. */
#define SOTTO_HIGH_PASS_SHIFT 8

/* One-pole high-pass: y = x - mean, mean += (x - mean) / 2^SOTTO_HIGH_PASS_SHIFT. */
typedef struct sotto_high_pass {
  int32_t mean_q15; /* of the samples; in units of 2^-15 of one step */
} sotto_high_pass;

/* Begins with a mean of 0. */
void sotto_high_pass_reset(sotto_high_pass *filter);

/* Takes the mean from `samples`, saturating. */
void sotto_high_pass_run(sotto_high_pass *filter, int16_t *samples, size_t count);

/* The mean so far, rounded to a step of int16: the offset of the microphone. */
int16_t sotto_high_pass_mean(const sotto_high_pass *filter);

/* Gain of 1. */
#define SOTTO_UNITY_GAIN_Q8 256u

/* Multiplies `samples` by gain_q8 / 256, rounded and saturating. Returns how many stand at a limit
 * of int16 then: those were loud beyond it, or just so loud. */
size_t sotto_gain_run(int16_t *samples, size_t count, uint16_t gain_q8);

#ifdef __cplusplus
}
#endif
#endif
