/* Any messages to the firmware: each is answered by one sound reply, or by none.
 *
 * The input is a list of requests: type, length (u16, its upper six bits ignored) and payload. They
 * go over the wire with a good check, which a fuzzer would not find; a type of RAW sends its
 * payload as bytes of the line. The front-end is real, the model is the tests' own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "sotto/link.h"
#include "sotto/link_messages.h"

#define RAW 0xFFu
#define LENGTH_MASK 0x3FFu

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length_bytes);

static sotto_app app;
static sotto_link_decoder host; /* hears what the firmware says */
static sotto_link_frame asked;
static unsigned replies;

static void require(int condition) {
  if (!condition) {
    abort();
  }
}

static void port_write(const uint8_t *data, size_t length_bytes) {
  for (size_t at = 0; at < length_bytes;) {
    size_t consumed = 0;
    sotto_link_frame frame;
    const sotto_link_event event =
        sotto_link_decode(&host, data + at, length_bytes - at, &consumed, &frame);
    at += consumed;
    if (event != SOTTO_LINK_NOTHING) {
      require(event == SOTTO_LINK_FRAME);
      require(frame.payload_bytes <= SOTTO_LINK_REPLY_MAX_BYTES);
      require(asked.type == RAW || frame.request == asked.request);
      require(asked.type == RAW || frame.type == SOTTO_LINK_ERROR ||
              frame.type == (asked.type | SOTTO_LINK_REPLY_FLAG));
      replies++;
    }
  }
}

static size_t port_read(uint8_t *data, size_t capacity_bytes) {
  (void)data;
  (void)capacity_bytes;
  return 0;
}

static void port_nothing(void) {}

static uint32_t port_zero(void) {
  return 0;
}

static void port_reset(void);

static const sotto_microphone fed = {.part = &sotto_capture_part, .name = ""};

static const sotto_port port = {
    .board = "fuzzed",
    .tick_unit = "ticks",
    .rx_window_bytes = 4096,
    .init = port_nothing,
    .read = port_read,
    .write = port_write,
    .idle = port_nothing,
    .ticks = port_zero,
    .rx_overruns = port_zero,
    .stack_peak_bytes = port_zero,
    .reset = port_reset,
    .microphone = &fed,
};

static void port_reset(void) {
  sotto_app_init(&app, &port);
}

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  return 1;
}

static void send(uint8_t type, const uint8_t *payload, size_t payload_bytes) {
  static uint8_t wire[SOTTO_LINK_WIRE_BYTES(SOTTO_LINK_PAYLOAD_MAX_BYTES)];
  asked.version = SOTTO_LINK_VERSION;
  asked.type = type;
  asked.request++;
  asked.payload = payload;
  asked.payload_bytes = payload_bytes;
  replies = 0;
  if (type == RAW) {
    sotto_app_receive(&app, payload, payload_bytes);
    return;
  }
  const int wire_bytes = sotto_link_encode(&asked, wire, sizeof wire);
  require(wire_bytes > 0);
  sotto_app_receive(&app, wire, (size_t)wire_bytes);
  require(replies <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length_bytes) {
  sotto_link_decoder_init(&host);
  sotto_app_init(&app, &port);
  for (size_t at = 0; at + 3 <= length_bytes;) {
    const uint8_t type = data[at];
    size_t payload_bytes = ((size_t)data[at + 2] << 8 | data[at + 1]) & LENGTH_MASK;
    at += 3;
    if (payload_bytes > length_bytes - at) {
      payload_bytes = length_bytes - at;
    }
    send(type, data + at, payload_bytes);
    at += payload_bytes;
  }
  return 0;
}
