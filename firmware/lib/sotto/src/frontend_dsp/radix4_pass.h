/* The radix-4 passes of the FFT: in assembly for Armv7E-M, and step by step in C. */
#ifndef SOTTO_FRONTEND_DSP_RADIX4_PASS_H
#define SOTTO_FRONTEND_DSP_RADIX4_PASS_H

#include <stddef.h>
#include <stdint.h>

#include "../frontend/stages.h"

/* Joins four neighbours each between `word` and `end`, exactly. In: |.| <= 2^13. Out: |.| < 2^15.
 * Returns `seen`. */
uint32_t sotto_first_radix4_pass(uint32_t *word, const uint32_t *end);

/* Transforms of `length` >= 2 points between `word` and `end` become transforms of 4 length points,
 * divided by 2, 4 or 8. Contract and arithmetic: radix4_pass in ../frontend/fft.c; sums of 32 bits
 * are exact there and here, whatever their order. Returns `seen`. */
uint32_t sotto_radix4_pass_by_2(uint32_t *word, const uint32_t *end, size_t length,
                                const uint32_t *twiddles_q15);
uint32_t sotto_radix4_pass_by_4(uint32_t *word, const uint32_t *end, size_t length,
                                const uint32_t *twiddles_q15);
uint32_t sotto_radix4_pass_by_8(uint32_t *word, const uint32_t *end, size_t length,
                                const uint32_t *twiddles_q15);

#endif
