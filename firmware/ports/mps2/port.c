/* Port to Arm's MPS2 board with a Cortex-M3, M4 or M7 (AN385, AN386, AN500), which QEMU emulates.
 * UART and timer are those of Arm's Cortex-M System Design Kit (DDI 0479). */
#include "port.h"

#include "../cmsdk/cmsdk_uart.h"
#include "../cmsdk/cmsdk_watchdog.h"
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

#define WATCHDOG ((cmsdk_watchdog *)0x40008000u)

#define UART0 ((cmsdk_uart *)0x40004000u)
#define UART0_RX_IRQ 0u

/* The emulator counts an instruction as a nanosecond, the timer runs at 25 MHz. */
#define EMULATED_INSTRUCTIONS_PER_TICK 40u

static void uart0_rx_interrupt(void) {
  cmsdk_uart_receive(UART0);
}

CORTEX_M_VECTOR_TABLE
static const cortex_m_handler vectors[CORTEX_M_VECTOR_IRQ0 + UART0_RX_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS_WITH_NMI(cortex_m_watchdog),
    [CORTEX_M_VECTOR_IRQ0 + UART0_RX_IRQ] = uart0_rx_interrupt,
};

static void start_uart0(void) {
  cmsdk_uart_start(UART0, CPU_HZ, SOTTO_BAUD);
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

static void port_feed_watchdog(void) {
  cmsdk_watchdog_feed(WATCHDOG, CPU_HZ);
}

static size_t port_read(uint8_t *data, size_t capacity_bytes) {
  port_feed_watchdog();
  return received_read(data, capacity_bytes);
}

static void port_write(const uint8_t *data, size_t length_bytes) {
  cmsdk_uart_write(UART0, data, length_bytes);
}

/* The UART holds one byte and does not say when that has left; the emulator sends it at once. */
static void port_reset(void) {
  cmsdk_uart_drain(UART0);
  cortex_m_restart();
}

static void port_init(void);

static sotto_port port = {
    .board = SOTTO_BOARD_NAME,
    .cpu_hz = CPU_HZ,
    .rx_window_bytes = RECEIVED_WINDOW_BYTES,
    .init = port_init,
    .read = port_read,
    .write = port_write,
    .idle = received_idle,
    .rx_overruns = received_overruns,
    .stack_peak_bytes = cortex_m_stack_peak_bytes,
    .reset = port_reset,
    .stack_bytes = cortex_m_stack_bytes,
    .reset_cause = cortex_m_reset_cause,
    .restarts = cortex_m_restarts,
    .feed_watchdog = port_feed_watchdog,
    .watchdog_ms = SOTTO_WATCHDOG_MS,
};

static void port_init(void) {
  cortex_m_use_vectors(vectors);
  start_timer0();
  const counter_rate rate = {.instructions = EMULATED_INSTRUCTIONS_PER_TICK, .ticks = 1};
  const counter best = counter_choose(timer0_ticks, rate, emulated_instructions);
  port.ticks = best.ticks;
  port.tick_unit = best.unit;
  start_uart0();
}

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  /* cycles and the timer's ticks are of one clock */
  return port.ticks == emulated_instructions ? COUNTER_EMULATED_HZ : CPU_HZ;
}
