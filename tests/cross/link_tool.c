/* The C codec as a process: commands on stdin, lines of text on stdout.
 *
 *   D chunk_bytes length_bytes <bytes>            decode in pieces; one line an event, then "."
 *   E version type request length_bytes <bytes>   encode; the wire or the status, then "."
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sotto/link.h"

static const char *const STATUS[] = {
    [SOTTO_LINK_FRAME] = "good",
    [SOTTO_LINK_BAD_COBS] = "bad_cobs",
    [SOTTO_LINK_BAD_SIZE] = "bad_size",
    [SOTTO_LINK_BAD_CRC] = "bad_crc",
};

static void print_hex(const uint8_t *bytes, size_t length_bytes) {
  for (size_t i = 0; i < length_bytes; i++) {
    printf("%02x", bytes[i]);
  }
}

/* Exactly sized, so that the address sanitizer sees a read past the end. */
static uint8_t *read_bytes(size_t length_bytes) {
  uint8_t *bytes = malloc(length_bytes + (length_bytes == 0));
  if (bytes == NULL || fread(bytes, 1, length_bytes, stdin) != length_bytes) {
    exit(1);
  }
  return bytes;
}

static void decode_piece(sotto_link_decoder *decoder, const uint8_t *data, size_t length_bytes) {
  while (length_bytes > 0) {
    size_t consumed = 0;
    sotto_link_frame frame;
    const sotto_link_event event =
        sotto_link_decode(decoder, data, length_bytes, &consumed, &frame);
    if (event == SOTTO_LINK_FRAME) {
      printf("good %u %u %u ", frame.version, frame.type, frame.request);
      print_hex(frame.payload, frame.payload_bytes);
      printf("\n");
    } else if (event != SOTTO_LINK_NOTHING) {
      printf("%s\n", STATUS[event]);
    }
    data += consumed;
    length_bytes -= consumed;
  }
}

static void decode(size_t chunk_bytes, size_t length_bytes) {
  sotto_link_decoder decoder;
  memset(&decoder, 0xA5, sizeof decoder); /* init must not rely on zeroed memory */
  sotto_link_decoder_init(&decoder);
  while (length_bytes > 0) {
    const size_t count = length_bytes < chunk_bytes ? length_bytes : chunk_bytes;
    uint8_t *data = read_bytes(count);
    decode_piece(&decoder, data, count);
    free(data);
    length_bytes -= count;
  }
}

static void encode(uint8_t version, uint8_t type, uint16_t request, size_t length_bytes) {
  uint8_t *payload = read_bytes(length_bytes);
  const size_t capacity_bytes = SOTTO_LINK_WIRE_BYTES(length_bytes);
  uint8_t *wire = malloc(capacity_bytes);
  if (wire == NULL) {
    exit(1);
  }
  const sotto_link_frame frame = {version, type, request, payload, length_bytes};
  if (sotto_link_encode(&frame, wire, capacity_bytes - 1) != SOTTO_E_SIZE) {
    exit(1);
  }
  const int wire_bytes = sotto_link_encode(&frame, wire, capacity_bytes);
  if (wire_bytes < 0) {
    printf("%d", wire_bytes);
  } else {
    print_hex(wire, (size_t)wire_bytes);
  }
  printf("\n");
  free(wire);
  free(payload);
}

int main(void) {
  char command;
  while (scanf(" %c", &command) == 1) {
    size_t first;
    size_t length_bytes;
    unsigned type;
    unsigned request;
    if (command == 'D' && scanf("%zu %zu", &first, &length_bytes) == 2 && getchar() == ' ') {
      decode(first, length_bytes);
    } else if (command == 'E' &&
               scanf("%zu %u %u %zu", &first, &type, &request, &length_bytes) == 4 &&
               getchar() == ' ') {
      encode((uint8_t)first, (uint8_t)type, (uint16_t)request, length_bytes);
    } else {
      return 1;
    }
    printf(".\n");
    fflush(stdout);
  }
  return 0;
}
