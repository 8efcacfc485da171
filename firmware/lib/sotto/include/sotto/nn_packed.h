/* Weights in four or two bits, for every kind of core: a call of its own unpacks them into memory,
 * and the layer behind it multiplies by what it finds there. A weight is decoded once, for all
 * windows that it meets. All forms of few values are one here: a weight is a code, and a codebook
 * says its value.
 *
 * The exporter has checked that what is unpacked are the words of the kernel's own stream. */
#ifndef SOTTO_NN_PACKED_H
#define SOTTO_NN_PACKED_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A kernel's stream is blocks of words_before constants, channels * words words of weights, in
 * which the channels take turns, and words_after constants; then last_blocks of the same with one
 * channel and last_words words of weights. A word of weights is four codes, the lowest bits first;
 * codes stand in the order of the words, or where channels have codebooks of their own, channel by
 * channel. */
typedef struct sotto_unpack_params {
  int32_t blocks;
  int32_t channels; /* with codebooks of their own; 1 where all weights have one codebook */
  int32_t words;
  int32_t words_before;
  int32_t words_after;
  int32_t last_blocks;
  int32_t last_words;
  int32_t last_before;
  int32_t last_after;
  int32_t aside;            /* 1: constants below zero may stand before those behind the weights */
  const int8_t *book;       /* 16 or 4 values, or as many for each channel */
  const uint8_t *codes;     /* of all weights; two bytes a word of 4-bit codes, one of 2-bit ones */
  const int32_t *constants; /* of all blocks */
} sotto_unpack_params;

/* Bytes of scratch (4-byte aligned): what pairs of codes stand for. */
#define SOTTO_UNPACK_SCRATCH_BYTES(bits) (2 << 2 * (bits))

/* Of one codebook, four and two bits; each byte of a word is a value. `stream` is 4-byte aligned.
 */
void sotto_unpack_4_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch);
void sotto_unpack_2_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch);

/* With codebooks of the channels' own. */
void sotto_unpack_own_4_s8(const sotto_unpack_params *params, int8_t *stream);
void sotto_unpack_own_2_s8(const sotto_unpack_params *params, int8_t *stream);

/* The same for the kernels of sotto/nn_dsp.h: the lanes of a word are 256 * second + first of two
 * values. */
void sotto_unpack_4_dsp_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch);
void sotto_unpack_2_dsp_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch);
void sotto_unpack_own_4_dsp_s8(const sotto_unpack_params *params, int8_t *stream);
void sotto_unpack_own_2_dsp_s8(const sotto_unpack_params *params, int8_t *stream);

#ifdef __cplusplus
}
#endif
#endif
