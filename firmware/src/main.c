/* sotto's firmware: received bytes to the commands, the microphone's samples to the listener. */
#include <stddef.h>
#include <stdint.h>

#include "commands.h"
#include "port.h"

#define CHUNK_BYTES 128u

int main(void) {
  static sotto_app app; /* all memory of the firmware; too large for a stack */
  uint8_t chunk[CHUNK_BYTES];
  const sotto_port *port = sotto_port_get();
  port->init();
  sotto_app_init(&app, port);
  for (;;) {
    const size_t length_bytes = port->read(chunk, sizeof chunk);
    sotto_app_receive(&app, chunk, length_bytes);
    if (!sotto_app_capture(&app) && length_bytes == 0) {
      port->idle();
    }
  }
}
