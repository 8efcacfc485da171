/* Constants in fewer bits: bytes under a canonical Huffman code (Huffman 1952; Schwartz, Kallick
 * 1964), as `sotto compile --weights huffman` writes them.
 *
 * Codes of one length are consecutive numbers, and the first of a length is twice what follows the
 * last of the length before; so the number of codes of each length, and the bytes in the order of
 * their codes, are the whole table. Rare bytes have no code of their own: the escape code stands
 * before them, and their eight bits follow. Bits are read from the highest of each byte on.
 *
 * Nothing here trusts the table or the coded bytes: what is corrupt is refused.
 */
#ifndef SOTTO_HUFFMAN_H
#define SOTTO_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_HUFFMAN_MAX_BITS 12 /* of a code */

typedef struct sotto_huffman_code {
  const uint16_t *codes_of_length; /* [SOTTO_HUFFMAN_MAX_BITS]: with 1 bit, 2 bits, ... */
  const uint8_t *values;           /* [value_count]: in the order of their codes */
  uint16_t value_count;            /* all codes but the escape, 256 at most */
  uint16_t escape;                 /* place of the escape among all codes, 0 .. value_count */
} sotto_huffman_code;

/* Decodes exactly `decoded_bytes` from exactly `coded_bytes`, whose last byte may have up to seven
 * bits more. Returns SOTTO_OK; SOTTO_E_ARGUMENT when a pointer is null or the table is no complete
 * code; SOTTO_E_SIZE when the coded bytes end too early or too late. In the last case `decoded` is
 * written up to where that was seen, never beyond its end. */
int sotto_huffman_decode(const sotto_huffman_code *code, const uint8_t *coded, size_t coded_bytes,
                         uint8_t *decoded, size_t decoded_bytes) SOTTO_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
#endif
