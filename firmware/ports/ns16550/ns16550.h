/* The 16550 UART (National Semiconductor PC16550D), as emulated machines have it: its baud rate
 * means nothing there. */
#ifndef NS16550_H
#define NS16550_H

#include <stddef.h>
#include <stdint.h>

#include "../common/rx_ring.h"

typedef struct ns16550 {
  uintptr_t address;
  uint32_t stride_bytes; /* from one register to the next */
} ns16550;

enum { NS16550_DATA = 0, NS16550_IER = 1, NS16550_FCR = 2, NS16550_LCR = 3, NS16550_LSR = 5 };

#define NS16550_IER_RECEIVED 1u
#define NS16550_FCR_ENABLE_AND_CLEAR 7u
#define NS16550_LCR_8_BITS 3u
#define NS16550_LSR_RECEIVED 1u
#define NS16550_LSR_OVERRUN (1u << 1)
#define NS16550_LSR_CAN_SEND (1u << 5)
#define NS16550_LSR_ALL_SENT (1u << 6)

static inline volatile uint8_t *ns16550_register(ns16550 uart, uint32_t number) {
  return (volatile uint8_t *)(uart.address + number * uart.stride_bytes);
}

static inline uint8_t ns16550_status(ns16550 uart) {
  return *ns16550_register(uart, NS16550_LSR);
}

/* 8 data bits, no parity, one stop bit, an interrupt for each received byte. */
static inline void ns16550_start(ns16550 uart) {
  *ns16550_register(uart, NS16550_LCR) = NS16550_LCR_8_BITS;
  *ns16550_register(uart, NS16550_FCR) = NS16550_FCR_ENABLE_AND_CLEAR;
  *ns16550_register(uart, NS16550_IER) = NS16550_IER_RECEIVED;
}

/* From the interrupt: moves what was received to the ring. */
static inline void ns16550_receive(ns16550 uart, rx_ring *ring) {
  uint8_t status = ns16550_status(uart);
  while (status & NS16550_LSR_RECEIVED) {
    rx_ring_put(ring, *ns16550_register(uart, NS16550_DATA));
    if (status & NS16550_LSR_OVERRUN) ring->lost = ring->lost + 1u;
    status = ns16550_status(uart);
  }
}

static inline void ns16550_write(ns16550 uart, const uint8_t *data, size_t length_bytes) {
  for (size_t i = 0; i < length_bytes; i++) {
    while (!(ns16550_status(uart) & NS16550_LSR_CAN_SEND)) {
    }
    *ns16550_register(uart, NS16550_DATA) = data[i];
  }
}

/* Returns when the last byte has left. */
static inline void ns16550_drain(ns16550 uart) {
  while (!(ns16550_status(uart) & NS16550_LSR_ALL_SENT)) {
  }
}

#endif
