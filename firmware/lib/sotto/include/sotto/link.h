/* Frames of the serial link, without I/O: bytes in, frames out. docs/protocol.md gives every byte.
 *
 * On the wire: 0x00, COBS(header, payload, CRC-32), 0x00. All numbers are little endian.
 */
#ifndef SOTTO_LINK_H
#define SOTTO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_LINK_VERSION 1u

/* Header: version u8, type u8, request number u16. */
#define SOTTO_LINK_HEADER_BYTES 4u
#define SOTTO_LINK_CRC_BYTES 4u
/* 512 samples of audio after a 12-byte position. */
#define SOTTO_LINK_PAYLOAD_MAX_BYTES 1040u
/* A board answers with less, so that its buffers stay small. */
#define SOTTO_LINK_REPLY_MAX_BYTES 256u

#define SOTTO_LINK_BODY_BYTES(payload_bytes) \
  (SOTTO_LINK_HEADER_BYTES + (payload_bytes) + SOTTO_LINK_CRC_BYTES)
/* COBS adds one byte for each begun run of 254; two delimiters enclose the frame. */
#define SOTTO_LINK_WIRE_BYTES(payload_bytes) \
  (SOTTO_LINK_BODY_BYTES(payload_bytes) + SOTTO_LINK_BODY_BYTES(payload_bytes) / 254u + 1u + 2u)

typedef struct sotto_link_frame {
  uint8_t version;
  uint8_t type;
  uint16_t request;
  const uint8_t *payload;
  size_t payload_bytes;
} sotto_link_frame;

typedef enum sotto_link_event {
  SOTTO_LINK_NOTHING,  /* all bytes taken, no frame ended */
  SOTTO_LINK_FRAME,    /* a good frame */
  SOTTO_LINK_BAD_COBS, /* a run was cut short by a delimiter */
  SOTTO_LINK_BAD_SIZE, /* shorter than header and CRC, or longer than the largest frame */
  SOTTO_LINK_BAD_CRC,  /* the check does not fit the bytes */
} sotto_link_event;

/* State of one direction of receiving. Zeroed = ready, inside an unknown frame. */
typedef struct sotto_link_decoder {
  uint8_t body[SOTTO_LINK_BODY_BYTES(SOTTO_LINK_PAYLOAD_MAX_BYTES)];
  size_t body_bytes; /* <= sizeof body */
  uint8_t run_bytes; /* data bytes still to come in this COBS run, 0..254 */
  bool zero_due;     /* the run ended early, so a zero precedes the next run */
  bool started;      /* a byte came since the last delimiter */
  bool overflowed;   /* the frame is longer than body */
} sotto_link_decoder;

void sotto_link_decoder_init(sotto_link_decoder *decoder);

/* Takes bytes up to the end of one frame. `*consumed` <= length_bytes; call again with the rest.
 * `*frame` is written on SOTTO_LINK_FRAME and points into the decoder until the next call. */
sotto_link_event sotto_link_decode(sotto_link_decoder *decoder, const uint8_t *data,
                                   size_t length_bytes, size_t *consumed, sotto_link_frame *frame);

/* Writes one frame with both delimiters. Returns its length, or SOTTO_E_SIZE when the payload is
 * too long or `capacity_bytes` is less than SOTTO_LINK_WIRE_BYTES(frame->payload_bytes). */
int sotto_link_encode(const sotto_link_frame *frame, uint8_t *wire,
                      size_t capacity_bytes) SOTTO_WARN_UNUSED;

/* CRC-32 of IEEE 802.3 (reflected 0xEDB88320). Start with crc = 0; feed its result to go on. */
uint32_t sotto_crc32(uint32_t crc, const uint8_t *data, size_t length_bytes);

#ifdef __cplusplus
}
#endif
#endif
