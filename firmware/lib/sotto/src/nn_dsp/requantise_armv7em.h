/* dsp_requantise of a register, for assembly. `rounding` is a register too. */
#ifndef SOTTO_NN_DSP_REQUANTISE_ARMV7EM_H
#define SOTTO_NN_DSP_REQUANTISE_ARMV7EM_H

#define REQUANTISE(acc, multiplier, exponent_less_1, rounding) \
  "asr " #acc ", " #acc                                        \
  ", #7\n"                                                     \
  "smmulr " #acc ", " #acc ", " #multiplier                    \
  "\n"                                                         \
  "add " #acc ", " #acc ", " #acc                              \
  ", asr #31\n"                                                \
  "add " #acc ", " #acc ", " #rounding                         \
  "\n"                                                         \
  "asr " #acc ", " #acc ", " #exponent_less_1                  \
  "\n"                                                         \
  "ssat " #acc ", #8, " #acc ", asr #1\n"

#endif
