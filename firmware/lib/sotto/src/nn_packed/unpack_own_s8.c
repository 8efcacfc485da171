/* Codes of codebooks that belong to one channel each, to the words of a kernel's stream. */
#include "unpacking.h"

/* The value of a code, which has the lowest of the bits. */
PACKED_INLINE int32_t value_of(const int8_t *book, uint32_t codes, int32_t values) {
  return book[codes & (uint32_t)(values - 1)];
}

/* A word of four values. */
PACKED_INLINE uint32_t word_of(const int8_t *book, uint32_t codes, int32_t bits,
                               join_values *join) {
  const int32_t values = 1 << bits;
  const uint32_t last = codes >> 2 * bits;
  return join(value_of(book, codes, values), value_of(book, codes >> bits, values)) |
         join(value_of(book, last, values), value_of(book, last >> bits, values)) << 16;
}

PACKED_INLINE void decode(unpacking *at, const int8_t *book, int32_t words, int32_t channels,
                          int32_t bits, join_values *join) {
  for (int32_t channel = 0; channel < channels; ++channel, book += 1 << bits) {
    int32_t *stream = at->stream + channel;
    for (int32_t i = 0; i < words; ++i, stream += channels) {
      uint32_t codes = *at->codes++;
      if (bits == 4) codes |= (uint32_t)*at->codes++ << 8;
      *stream = (int32_t)word_of(book, codes, bits, join);
    }
  }
  at->stream += words * channels;
}

PACKED_INLINE void unpack(const sotto_unpack_params *p, int8_t *stream, int32_t bits,
                          join_values *join) {
  unpacking at = {(int32_t *)(void *)stream, p->constants, p->codes};
  const int8_t *book = p->book;
  for (int32_t i = 0; i < p->blocks; ++i, book += p->channels << bits) {
    copy_constants(&at, p->words_before);
    decode(&at, book, p->words, p->channels, bits, join);
    copy_last_constants(&at, p->words_after, p->aside);
  }
  for (int32_t i = 0; i < p->last_blocks; ++i, book += 1 << bits) {
    copy_constants(&at, p->last_before);
    decode(&at, book, p->last_words, 1, bits, join);
    copy_constants(&at, p->last_after);
  }
}

void sotto_unpack_own_4_s8(const sotto_unpack_params *params, int8_t *stream) {
  unpack(params, stream, 4, join_bytes);
}

void sotto_unpack_own_2_s8(const sotto_unpack_params *params, int8_t *stream) {
  unpack(params, stream, 2, join_bytes);
}

void sotto_unpack_own_4_dsp_s8(const sotto_unpack_params *params, int8_t *stream) {
  unpack(params, stream, 4, join_lanes);
}

void sotto_unpack_own_2_dsp_s8(const sotto_unpack_params *params, int8_t *stream) {
  unpack(params, stream, 2, join_lanes);
}
