/* UART of Arm's Cortex-M System Design Kit (DDI 0479), which the boards of the MPS family carry. */
#ifndef CMSDK_UART_H
#define CMSDK_UART_H

#include <stddef.h>
#include <stdint.h>

#include "../cortex_m/received.h"

typedef struct cmsdk_uart {
  volatile uint32_t data;
  volatile uint32_t state;
  volatile uint32_t ctrl;
  volatile uint32_t int_clear;
  volatile uint32_t baud_div;
} cmsdk_uart;

#define CMSDK_UART_STATE_TX_FULL (1u << 0)
#define CMSDK_UART_STATE_RX_FULL (1u << 1)
#define CMSDK_UART_STATE_RX_OVERRUN (1u << 3)
#define CMSDK_UART_CTRL_TX_ENABLE (1u << 0)
#define CMSDK_UART_CTRL_RX_ENABLE (1u << 1)
#define CMSDK_UART_CTRL_RX_INTERRUPT (1u << 3)
#define CMSDK_UART_INT_RX (1u << 1)

/* Sets the speed and lets received bytes interrupt; the port enables that interrupt. */
static inline void cmsdk_uart_start(cmsdk_uart *uart, uint32_t clock_hz, uint32_t baud) {
  uart->baud_div = (clock_hz + baud / 2u) / baud;
  uart->ctrl = CMSDK_UART_CTRL_TX_ENABLE | CMSDK_UART_CTRL_RX_ENABLE | CMSDK_UART_CTRL_RX_INTERRUPT;
}

/* From the receive interrupt: hands every byte on. */
static inline void cmsdk_uart_receive(cmsdk_uart *uart) {
  uart->int_clear = CMSDK_UART_INT_RX;
  for (uint32_t state = uart->state; state & CMSDK_UART_STATE_RX_FULL; state = uart->state) {
    if (state & CMSDK_UART_STATE_RX_OVERRUN) {
      uart->state = CMSDK_UART_STATE_RX_OVERRUN; /* written 1 clears */
      received_lost();
    }
    received_put((uint8_t)uart->data);
  }
}

/* Waits until the one byte that the UART holds has gone to the line. */
static inline void cmsdk_uart_drain(const cmsdk_uart *uart) {
  while (uart->state & CMSDK_UART_STATE_TX_FULL) {
  }
}

static inline void cmsdk_uart_write(cmsdk_uart *uart, const uint8_t *data, size_t length_bytes) {
  for (size_t i = 0; i < length_bytes; i++) {
    cmsdk_uart_drain(uart);
    uart->data = data[i];
  }
}

#endif
