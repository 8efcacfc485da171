/* Port to Arm's MPS2 board with a Cortex-M3, M4 or M7 (AN385, AN386, AN500), which QEMU emulates.
 * UART and timer are those of Arm's Cortex-M System Design Kit (DDI 0479). */
#include "port.h"

#include "../cortex_m/cortex_m.h"
#include "../cortex_m/counter.h"
#include "../cortex_m/received.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CPU_HZ 25000000u
#ifndef SOTTO_BAUD
#define SOTTO_BAUD 921600u
#endif

#define TIMER0_CTRL REGISTER(0x40000000u)
#define TIMER0_VALUE REGISTER(0x40000004u)
#define TIMER0_RELOAD REGISTER(0x40000008u)
#define TIMER_CTRL_ENABLE 1u

#define UART0_DATA REGISTER(0x40004000u)
#define UART0_STATE REGISTER(0x40004004u)
#define UART0_CTRL REGISTER(0x40004008u)
#define UART0_INTCLEAR REGISTER(0x4000400Cu)
#define UART0_BAUDDIV REGISTER(0x40004010u)
#define UART_STATE_TX_FULL (1u << 0)
#define UART_STATE_RX_FULL (1u << 1)
#define UART_STATE_RX_OVERRUN (1u << 3)
#define UART_CTRL_TX_ENABLE (1u << 0)
#define UART_CTRL_RX_ENABLE (1u << 1)
#define UART_CTRL_RX_INTERRUPT (1u << 3)
#define UART_INT_RX (1u << 1)
#define UART0_RX_IRQ 0u

/* The emulator counts an instruction as a nanosecond, the timer runs at 25 MHz. */
#define EMULATED_INSTRUCTIONS_PER_TICK 40u

static void uart0_rx_interrupt(void) {
  UART0_INTCLEAR = UART_INT_RX;
  for (uint32_t state = UART0_STATE; state & UART_STATE_RX_FULL; state = UART0_STATE) {
    if (state & UART_STATE_RX_OVERRUN) {
      UART0_STATE = UART_STATE_RX_OVERRUN; /* written 1 clears */
      received_lost();
    }
    received_put((uint8_t)UART0_DATA);
  }
}

CORTEX_M_VECTOR_TABLE
static const cortex_m_handler vectors[CORTEX_M_VECTOR_IRQ0 + UART0_RX_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + UART0_RX_IRQ] = uart0_rx_interrupt,
};

static void start_uart0(void) {
  UART0_BAUDDIV = (CPU_HZ + SOTTO_BAUD / 2u) / SOTTO_BAUD;
  UART0_CTRL = UART_CTRL_TX_ENABLE | UART_CTRL_RX_ENABLE | UART_CTRL_RX_INTERRUPT;
  cortex_m_enable_irq(UART0_RX_IRQ);
}

static void start_timer0(void) {
  TIMER0_RELOAD = UINT32_MAX;
  TIMER0_VALUE = UINT32_MAX;
  TIMER0_CTRL = TIMER_CTRL_ENABLE;
}

static uint32_t timer0_ticks(void) {
  return UINT32_MAX - TIMER0_VALUE; /* it counts down */
}

static uint32_t emulated_instructions(void) {
  return timer0_ticks() * EMULATED_INSTRUCTIONS_PER_TICK;
}

static void port_write(const uint8_t *data, size_t length_bytes) {
  for (size_t i = 0; i < length_bytes; i++) {
    while (UART0_STATE & UART_STATE_TX_FULL) {
    }
    UART0_DATA = data[i];
  }
}

/* The UART holds one byte and does not say when that has left; the emulator sends it at once. */
static void port_reset(void) {
  while (UART0_STATE & UART_STATE_TX_FULL) {
  }
  cortex_m_restart();
}

static void port_init(void);

static sotto_port port = {
    .board = SOTTO_BOARD_NAME,
    .cpu_hz = CPU_HZ,
    .rx_window_bytes = RECEIVED_WINDOW_BYTES,
    .init = port_init,
    .read = received_read,
    .write = port_write,
    .idle = received_idle,
    .rx_overruns = received_overruns,
    .stack_peak_bytes = cortex_m_stack_peak_bytes,
    .reset = port_reset,
};

static void port_init(void) {
  cortex_m_use_vectors(vectors);
  start_timer0();
  const counter best =
      counter_choose(timer0_ticks, EMULATED_INSTRUCTIONS_PER_TICK, emulated_instructions);
  port.ticks = best.ticks;
  port.tick_unit = best.unit;
  start_uart0();
}

const sotto_port *sotto_port_get(void) {
  return &port;
}
