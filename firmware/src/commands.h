/* The firmware's side of the link: bytes in, replies out. docs/protocol.md gives every byte. */
#ifndef SOTTO_COMMANDS_H
#define SOTTO_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clip.h"
#include "listening.h"
#include "port.h"
#include "self_test.h"
#include "sotto/link.h"

/* All memory of the firmware, owned by the caller. */
typedef struct sotto_app {
  const sotto_port *port;
  sotto_link_decoder decoder;
  sotto_engine engine;
  sotto_clip clip;
  sotto_listening listening;
  const struct sotto_capture_part *capture; /* NULL: of a board without a microphone */
  sotto_self_test_result test_at_start;
  uint32_t frames_received;
  uint32_t frames_corrupt;
  uint32_t clips_completed;
  uint8_t reply[SOTTO_LINK_REPLY_MAX_BYTES];
  uint8_t wire[SOTTO_LINK_WIRE_BYTES(SOTTO_LINK_REPLY_MAX_BYTES)];
} sotto_app;

/* `port` is initialised and outlives the app. */
void sotto_app_init(sotto_app *app, const sotto_port *port);

/* Takes received bytes; answers, in order, every request that ends in them. */
void sotto_app_receive(sotto_app *app, const uint8_t *data, size_t length_bytes);

/* Takes a block of samples from the microphone, if it runs. Returns whether there was one. */
bool sotto_app_capture(sotto_app *app);

#endif
