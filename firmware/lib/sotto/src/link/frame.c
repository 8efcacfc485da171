/* Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999) around header, payload and CRC. */
#include "sotto/link.h"
#include "sotto/link_bytes.h"

#define DELIMITER 0x00u
/* A code of 255 stands for 254 data bytes with no zero after them. */
#define LONGEST_RUN 254u

void sotto_link_decoder_init(sotto_link_decoder *decoder) {
  decoder->body_bytes = 0;
  decoder->run_bytes = 0;
  decoder->zero_due = false;
  decoder->started = false;
  decoder->overflowed = false;
}

static void append(sotto_link_decoder *decoder, uint8_t byte) {
  if (decoder->body_bytes < sizeof decoder->body) {
    decoder->body[decoder->body_bytes++] = byte;
  } else {
    decoder->overflowed = true;
  }
}

static void take(sotto_link_decoder *decoder, uint8_t byte) {
  decoder->started = true;
  if (decoder->run_bytes > 0) {
    decoder->run_bytes--;
    append(decoder, byte);
    return;
  }
  if (decoder->zero_due) {
    append(decoder, 0);
  }
  decoder->run_bytes = (uint8_t)(byte - 1u); /* byte != DELIMITER, so 0..254 */
  decoder->zero_due = decoder->run_bytes < LONGEST_RUN;
}

/* Judges the frame that a delimiter has just ended. */
static sotto_link_event finish(const sotto_link_decoder *decoder, sotto_link_frame *frame) {
  if (decoder->overflowed) {
    return SOTTO_LINK_BAD_SIZE;
  }
  if (decoder->run_bytes > 0) {
    return SOTTO_LINK_BAD_COBS;
  }
  if (decoder->body_bytes < SOTTO_LINK_BODY_BYTES(0)) {
    return SOTTO_LINK_BAD_SIZE;
  }
  const size_t checked_bytes = decoder->body_bytes - SOTTO_LINK_CRC_BYTES;
  if (sotto_crc32(0, decoder->body, checked_bytes) !=
      sotto_get_u32(decoder->body + checked_bytes)) {
    return SOTTO_LINK_BAD_CRC;
  }
  frame->version = decoder->body[0];
  frame->type = decoder->body[1];
  frame->request = sotto_get_u16(decoder->body + 2);
  frame->payload = decoder->body + SOTTO_LINK_HEADER_BYTES;
  frame->payload_bytes = checked_bytes - SOTTO_LINK_HEADER_BYTES;
  return SOTTO_LINK_FRAME;
}

sotto_link_event sotto_link_decode(sotto_link_decoder *decoder, const uint8_t *data,
                                   size_t length_bytes, size_t *consumed, sotto_link_frame *frame) {
  for (size_t i = 0; i < length_bytes; i++) {
    if (data[i] != DELIMITER) {
      take(decoder, data[i]);
    } else if (decoder->started) { /* delimiters in a row enclose nothing */
      const sotto_link_event event = finish(decoder, frame);
      sotto_link_decoder_init(decoder);
      *consumed = i + 1;
      return event;
    }
  }
  *consumed = length_bytes;
  return SOTTO_LINK_NOTHING;
}

/* Where the encoder stands: `code_at` is the place of the running code byte. */
typedef struct stuffer {
  uint8_t *wire;
  size_t code_at;
  size_t at;
} stuffer;

static void begin_run(stuffer *out) {
  out->code_at = out->at++;
}

static void end_run(stuffer *out) {
  out->wire[out->code_at] = (uint8_t)(out->at - out->code_at); /* 1..255 */
}

static void stuff(stuffer *out, const uint8_t *data, size_t length_bytes) {
  for (size_t i = 0; i < length_bytes; i++) {
    if (out->at - out->code_at > LONGEST_RUN) { /* a full run, and data follows it */
      end_run(out);
      begin_run(out);
    }
    if (data[i] == 0) {
      end_run(out);
      begin_run(out);
    } else {
      out->wire[out->at++] = data[i];
    }
  }
}

int sotto_link_encode(const sotto_link_frame *frame, uint8_t *wire, size_t capacity_bytes) {
  if (frame->payload_bytes > SOTTO_LINK_PAYLOAD_MAX_BYTES ||
      capacity_bytes < SOTTO_LINK_WIRE_BYTES(frame->payload_bytes)) {
    return SOTTO_E_SIZE;
  }
  uint8_t header[SOTTO_LINK_HEADER_BYTES] = {frame->version, frame->type};
  sotto_put_u16(header + 2, frame->request);
  const uint32_t crc =
      sotto_crc32(sotto_crc32(0, header, sizeof header), frame->payload, frame->payload_bytes);
  uint8_t check[SOTTO_LINK_CRC_BYTES];
  sotto_put_u32(check, crc);

  stuffer out = {.wire = wire, .at = 0};
  wire[out.at++] = DELIMITER;
  begin_run(&out);
  stuff(&out, header, sizeof header);
  stuff(&out, frame->payload, frame->payload_bytes);
  stuff(&out, check, sizeof check);
  end_run(&out);
  wire[out.at++] = DELIMITER;
  return (int)out.at; /* <= SOTTO_LINK_WIRE_BYTES(1040) = 1055 */
}
