#include "lockstep.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "port.h"

static bool under_way;
static uint32_t left_bytes; /* of the step that is under way */

static void take(void *data, size_t bytes) {
  if (fread(data, 1, bytes, stdin) != bytes) {
    exit(EXIT_SUCCESS); /* the other end has gone */
  }
}

static void give(const void *data, size_t bytes) {
  if (fwrite(data, 1, bytes, stdout) != bytes) {
    exit(EXIT_SUCCESS);
  }
}

size_t lockstep_read(uint8_t *data, size_t capacity_bytes) {
  const size_t count = left_bytes < capacity_bytes ? left_bytes : capacity_bytes;
  take(data, count);
  left_bytes -= (uint32_t)count;
  return count;
}

void lockstep_write(const uint8_t *data, size_t length_bytes) {
  const uint32_t count = (uint32_t)length_bytes; /* a frame: at most SOTTO_LINK_WIRE_BYTES */
  give(&count, sizeof count);
  give(data, length_bytes);
}

void lockstep_finish(void) {
  const uint32_t nothing_more = 0;
  uint8_t unread[64];
  while (lockstep_read(unread, sizeof unread) > 0) {
  }
  if (under_way) {
    give(&nothing_more, sizeof nothing_more);
    (void)fflush(stdout);
    under_way = false;
  }
}

void lockstep_idle(void) {
  lockstep_finish();
  take(&left_bytes, sizeof left_bytes);
  under_way = true;
  if (left_bytes == LOCKSTEP_RESET) {
    left_bytes = 0;
    sotto_port_get()->reset();
  }
}
