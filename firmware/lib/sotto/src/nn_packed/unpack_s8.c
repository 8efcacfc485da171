/* Codes of one codebook to the words of a kernel's stream, two codes at a time. */
#include "unpacking.h"

#define PAIRS_2 16 /* of codes of two bits */
#define TOGETHER 4 /* words */

/* A word of four values, and how many bytes their codes take. */
typedef uint32_t decode_word(const uint16_t *pairs, const uint8_t *codes);

PACKED_INLINE uint32_t word_of_4(const uint16_t *pairs, const uint8_t *codes) {
  return pairs[codes[0]] | (uint32_t)pairs[codes[1]] << 16;
}

PACKED_INLINE uint32_t word_of_2(const uint16_t *pairs, const uint8_t *codes) {
  return pairs[*codes % PAIRS_2] | (uint32_t)pairs[*codes / PAIRS_2] << 16;
}

/* All pairs of values of a codebook, by their two codes. */
PACKED_INLINE void fill_pairs(const int8_t *book, int32_t values, uint16_t *pairs,
                              join_values *join) {
  for (int32_t second = 0; second < values; ++second) {
    const int32_t high = book[second];
    for (const int8_t *first = book; first != book + values; ++first) {
      *pairs++ = (uint16_t)join(*first, high);
    }
  }
}

PACKED_INLINE void decode(unpacking *at, int32_t words, const uint16_t *pairs, int32_t code_bytes,
                          decode_word *word) {
  int32_t *stream = at->stream;
  const uint8_t *codes = at->codes;
  for (; words >= TOGETHER; words -= TOGETHER, stream += TOGETHER, codes += TOGETHER * code_bytes) {
    stream[0] = (int32_t)word(pairs, codes);
    stream[1] = (int32_t)word(pairs, codes + code_bytes);
    stream[2] = (int32_t)word(pairs, codes + 2 * code_bytes);
    stream[3] = (int32_t)word(pairs, codes + 3 * code_bytes);
  }
  for (; words > 0; --words, codes += code_bytes) *stream++ = (int32_t)word(pairs, codes);
  at->stream = stream;
  at->codes = codes;
}

PACKED_INLINE void unpack(const sotto_unpack_params *p, int8_t *stream, int8_t *scratch,
                          int32_t values, int32_t code_bytes, join_values *join,
                          decode_word *word) {
  uint16_t *const pairs = (uint16_t *)(void *)scratch;
  unpacking at = {(int32_t *)(void *)stream, p->constants, p->codes};
  fill_pairs(p->book, values, pairs, join);
  for (int32_t i = 0; i < p->blocks; ++i) {
    copy_constants(&at, p->words_before);
    decode(&at, p->words, pairs, code_bytes, word);
    copy_last_constants(&at, p->words_after, p->aside);
  }
  for (int32_t i = 0; i < p->last_blocks; ++i) {
    copy_constants(&at, p->last_before);
    decode(&at, p->last_words, pairs, code_bytes, word);
    copy_constants(&at, p->last_after);
  }
}

void sotto_unpack_4_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch) {
  unpack(params, stream, scratch, 16, 2, join_bytes, word_of_4);
}

void sotto_unpack_2_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch) {
  unpack(params, stream, scratch, 4, 1, join_bytes, word_of_2);
}

void sotto_unpack_4_dsp_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch) {
  unpack(params, stream, scratch, 16, 2, join_lanes, word_of_4);
}

void sotto_unpack_2_dsp_s8(const sotto_unpack_params *params, int8_t *stream, int8_t *scratch) {
  unpack(params, stream, scratch, 4, 1, join_lanes, word_of_2);
}
