/* Any bytes into the frame decoder, in pieces: what it takes for a frame must be one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sotto/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length_bytes);

static void require(int condition) {
  if (!condition) {
    abort();
  }
}

/* Whatever was decoded can be encoded, and is then decoded to the same. */
static void check_round_trip(const sotto_link_frame *frame) {
  static uint8_t wire[SOTTO_LINK_WIRE_BYTES(SOTTO_LINK_PAYLOAD_MAX_BYTES)];
  static sotto_link_decoder decoder;
  const int wire_bytes = sotto_link_encode(frame, wire, sizeof wire);
  require(wire_bytes > 0);
  sotto_link_frame again;
  size_t consumed;
  sotto_link_decoder_init(&decoder);
  require(sotto_link_decode(&decoder, wire, (size_t)wire_bytes, &consumed, &again) ==
          SOTTO_LINK_FRAME);
  require(consumed == (size_t)wire_bytes);
  require(again.version == frame->version && again.type == frame->type);
  require(again.request == frame->request && again.payload_bytes == frame->payload_bytes);
  require(memcmp(again.payload, frame->payload, frame->payload_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length_bytes) {
  static sotto_link_decoder decoder;
  sotto_link_decoder_init(&decoder);
  const size_t piece_bytes = length_bytes > 0 ? 1u + data[0] : 1u;
  for (size_t at = 0; at < length_bytes;) {
    const size_t left = length_bytes - at;
    const size_t given = left < piece_bytes ? left : piece_bytes;
    size_t consumed = 0;
    sotto_link_frame frame;
    const sotto_link_event event = sotto_link_decode(&decoder, data + at, given, &consumed, &frame);
    require(consumed >= 1 && consumed <= given);
    if (event == SOTTO_LINK_FRAME) {
      check_round_trip(&frame);
    }
    at += consumed;
  }
  return 0;
}
