/* MLPerf Tiny's device under test: received bytes to the monitor, nothing else. */
#include <stddef.h>
#include <stdint.h>

#include "monitor.h"
#include "port.h"

#define CHUNK_BYTES 128u

int main(void) {
  static mlperf_monitor monitor; /* all memory of the firmware; too large for a stack */
  uint8_t chunk[CHUNK_BYTES];
  const sotto_port *port = sotto_port_get();
  port->init();
  mlperf_monitor_init(&monitor, port);
  for (;;) {
    const size_t length_bytes = port->read(chunk, sizeof chunk);
    if (length_bytes == 0) {
      port->idle();
    } else {
      mlperf_monitor_receive(&monitor, chunk, length_bytes);
    }
  }
}
