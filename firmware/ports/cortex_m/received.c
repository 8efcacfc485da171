#include "received.h"

#include "cortex_m.h"

static rx_ring ring;

void received_put(uint8_t byte) {
  rx_ring_put(&ring, byte);
}

void received_lost(void) {
  ring.lost = ring.lost + 1u;
}

size_t received_read(uint8_t *data, size_t capacity_bytes) {
  return rx_ring_take(&ring, data, capacity_bytes);
}

void received_idle(void) {
  cortex_m_disable_interrupts(); /* else a byte between test and sleep would be slept over */
  if (rx_ring_empty(&ring)) {
    cortex_m_doze();
  }
  cortex_m_enable_interrupts();
}

uint32_t received_overruns(void) {
  return ring.lost;
}
