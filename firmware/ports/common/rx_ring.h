/* Ring between the receive interrupt (one writer) and the main loop (one reader); no locks.
 *
 * `written` and `taken` count bytes and wrap at 2^32; their difference is the fill,
 * 0..RX_RING_BYTES.
 */
#ifndef RX_RING_H
#define RX_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A power of two, so that the counters may wrap. Four AUDIO requests of the protocol fit. */
#define RX_RING_BYTES 4096u
_Static_assert((RX_RING_BYTES & (RX_RING_BYTES - 1u)) == 0, "a power of two");

typedef struct rx_ring {
  volatile uint32_t written; /* by the interrupt only */
  volatile uint32_t taken;   /* by the main loop only */
  volatile uint32_t lost; /* by the interrupt only: bytes that did not fit, or that the UART lost */
  volatile uint8_t bytes[RX_RING_BYTES];
} rx_ring;

static inline bool rx_ring_empty(const rx_ring *ring) {
  return ring->written == ring->taken;
}

/* From the interrupt: keeps `byte`, or counts it as lost when the ring is full. */
static inline void rx_ring_put(rx_ring *ring, uint8_t byte) {
  const uint32_t written = ring->written;
  if (written - ring->taken == RX_RING_BYTES) {
    ring->lost = ring->lost + 1u;
    return;
  }
  ring->bytes[written % RX_RING_BYTES] = byte;
  ring->written = written + 1u; /* after the byte: volatile accesses keep their order */
}

/* From the main loop: moves up to capacity_bytes bytes to `data`; returns how many. */
static inline size_t rx_ring_take(rx_ring *ring, uint8_t *data, size_t capacity_bytes) {
  const uint32_t taken = ring->taken;
  const size_t filled = ring->written - taken;
  const size_t count = filled < capacity_bytes ? filled : capacity_bytes;
  for (size_t i = 0; i < count; i++) {
    data[i] = ring->bytes[(taken + (uint32_t)i) % RX_RING_BYTES];
  }
  ring->taken = taken + (uint32_t)count;
  return count;
}

#endif
