/* requantise.h for registers, in assembly. The accumulator is changed. */
#ifndef SOTTO_NN_PORTABLE_REQUANTISE_ARMV7M_H
#define SOTTO_NN_PORTABLE_REQUANTISE_ARMV7M_H

/* portable_fitted in place; `spare` is changed. */
#define FITTED(acc, factor, offset, spare)         \
  "add " #acc ", " #offset ", " #acc               \
  ", lsl #8\n"                                     \
  "smull " #spare ", " #acc ", " #acc ", " #factor \
  "\n"                                             \
  "ssat " #acc ", #8, " #acc ", asr #10\n"

/* portable_exact in place; `low` and `high` are changed. Twice the accumulator, so that the product
 * is to be divided by 2^32: its high word, to which SMLAL adds the rounding of both divisions. */
#define EXACT(acc, multiplier, exponent, rounding, low, high) \
  "lsl " #acc ", " #acc                                       \
  ", #1\n"                                                    \
  "mov " #low                                                 \
  ", #0x80000000\n"                                           \
  "mov " #high ", " #rounding                                 \
  "\n"                                                        \
  "smlal " #low ", " #high ", " #acc ", " #multiplier         \
  "\n"                                                        \
  "add " #high ", " #high ", " #acc                           \
  ", asr #31\n"                                               \
  "asr " #high ", " #high ", " #exponent                      \
  "\n"                                                        \
  "ssat " #acc ", #8, " #high "\n"

#endif
