/* portable_requantise of a register, for assembly: all arguments are registers; `acc`, `low` and
 * `high` are changed, the result is in `high`. Twice the accumulator, so that the product is to be
 * divided by 2^32: its upper word, to which SMLAL adds the rounding of both divisions. */
#ifndef SOTTO_NN_PORTABLE_REQUANTISE_ARMV7M_H
#define SOTTO_NN_PORTABLE_REQUANTISE_ARMV7M_H

#define REQUANTISE(acc, multiplier, exponent, rounding, low, high) \
  "lsl " #acc ", " #acc                                            \
  ", #1\n"                                                         \
  "mov " #low                                                      \
  ", #0x80000000\n"                                                \
  "mov " #high ", " #rounding                                      \
  "\n"                                                             \
  "smlal " #low ", " #high ", " #acc ", " #multiplier              \
  "\n"                                                             \
  "add " #high ", " #high ", " #acc                                \
  ", asr #31\n"                                                    \
  "asr " #high ", " #high ", " #exponent                           \
  "\n"                                                             \
  "ssat " #high ", #8, " #high "\n"

#endif
