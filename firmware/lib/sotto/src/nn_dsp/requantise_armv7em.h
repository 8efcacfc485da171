/* Requantisation for assembly: arguments are registers.
 *
 * REQUANTISE: dsp_requantise; `spare` is changed.
 *
 * SMMLAR adds the rounding to the rounded product. The sum is lowered by one for the sign of the
 * accumulator in place of that of the product: where only the first is negative, the product is 0,
 * and half less one still rounds to 0. */
#ifndef SOTTO_NN_DSP_REQUANTISE_ARMV7EM_H
#define SOTTO_NN_DSP_REQUANTISE_ARMV7EM_H

#define REQUANTISE(acc, multiplier, exponent_less_1, rounding, spare) \
  "asr " #acc ", " #acc                                               \
  ", #7\n"                                                            \
  "smmlar " #spare ", " #acc ", " #multiplier ", " #rounding          \
  "\n"                                                                \
  "add " #acc ", " #spare ", " #acc                                   \
  ", asr #31\n"                                                       \
  "asr " #acc ", " #acc ", " #exponent_less_1                         \
  "\n"                                                                \
  "ssat " #acc ", #8, " #acc ", asr #1\n"

/* dsp_requantise_fitted in two steps, which other work may part. */
#define FITTED_PRODUCT(acc, factor) "smmul " #acc ", " #acc ", " #factor "\n"
#define SATURATE_FITTED(acc) "ssat " #acc ", #8, " #acc ", asr #10\n"

#endif
