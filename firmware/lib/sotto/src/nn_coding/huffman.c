#include "sotto/huffman.h"

#define CODE_SPACE (1u << SOTTO_HUFFMAN_MAX_BITS)
#define WINDOW_BITS 32u
#define VALUE_BITS 8u

/* What a code's length follows from. A code, moved to the left of SOTTO_HUFFMAN_MAX_BITS bits, is
 * below end[length] and not below that of any shorter length. */
typedef struct lengths {
  uint32_t end[SOTTO_HUFFMAN_MAX_BITS + 1];
  uint32_t before[SOTTO_HUFFMAN_MAX_BITS + 1]; /* place of a code less its number, modulo 2^32 */
} lengths;

static int count_lengths(const sotto_huffman_code *code, lengths *found) {
  uint32_t next = 0;  /* <= CODE_SPACE, checked before it grows: no sum overflows */
  uint32_t place = 0; /* <= CODE_SPACE: each code takes one of it at least */
  found->end[0] = 0;
  found->before[0] = 0;
  for (uint32_t length = 1; length <= SOTTO_HUFFMAN_MAX_BITS; length++) {
    const uint32_t count = code->codes_of_length[length - 1];
    const uint32_t spare_bits = SOTTO_HUFFMAN_MAX_BITS - length;
    if (count > (CODE_SPACE - next) >> spare_bits) return SOTTO_E_ARGUMENT;
    found->before[length] = place - (next >> spare_bits);
    next += count << spare_bits;
    place += count;
    found->end[length] = next;
  }
  const uint32_t codes = (uint32_t)code->value_count + 1u;
  const int complete = next == CODE_SPACE && place == codes && code->escape < codes;
  return complete ? SOTTO_OK : SOTTO_E_ARGUMENT;
}

int sotto_huffman_decode(const sotto_huffman_code *code, const uint8_t *coded, size_t coded_bytes,
                         uint8_t *decoded, size_t decoded_bytes) {
  lengths table;
  if (code == NULL || code->codes_of_length == NULL || code->values == NULL || coded == NULL ||
      decoded == NULL) {
    return SOTTO_E_ARGUMENT;
  }
  const int status = count_lengths(code, &table);
  if (status != SOTTO_OK) return status;
  const uint8_t *const coded_end = coded + coded_bytes;
  const uint8_t *const decoded_end = decoded + decoded_bytes;
  uint32_t window = 0; /* bits that come next, from the highest on; zeros behind the last */
  uint32_t bits = 0;   /* of them that are there, <= WINDOW_BITS */
  while (decoded != decoded_end) {
    while (bits <= WINDOW_BITS - VALUE_BITS && coded != coded_end) {
      window |= (uint32_t)*coded++ << (WINDOW_BITS - VALUE_BITS - bits);
      bits += VALUE_BITS;
    }
    /* Ends at the greatest length: all of SOTTO_HUFFMAN_MAX_BITS bits lie below CODE_SPACE. */
    const uint32_t peeked = window >> (WINDOW_BITS - SOTTO_HUFFMAN_MAX_BITS);
    uint32_t length = 1;
    while (peeked >= table.end[length]) length++;
    const uint32_t place = table.before[length] + (window >> (WINDOW_BITS - length));
    const uint32_t used = length + (place == code->escape ? VALUE_BITS : 0u);
    if (used > bits) return SOTTO_E_SIZE;
    if (place == code->escape) {
      *decoded++ = (uint8_t)((window << length) >> (WINDOW_BITS - VALUE_BITS));
    } else {
      *decoded++ = code->values[place - (place > code->escape ? 1u : 0u)];
    }
    window <<= used; /* used <= SOTTO_HUFFMAN_MAX_BITS + VALUE_BITS < WINDOW_BITS */
    bits -= used;
  }
  return coded == coded_end && bits < VALUE_BITS ? SOTTO_OK : SOTTO_E_SIZE;
}
