/* Port to Arm's MPS3 board with a Cortex-M55 (AN547: Corstone SSE-300), which QEMU emulates. The
 * core stays in the secure state of its reset, and so reads the secure addresses (Arm 101773). */
#include "port.h"

#include "../cmsdk/cmsdk_uart.h"
#include "../cmsdk/cmsdk_watchdog.h"
#include "../cortex_m/cortex_m.h"
#include "../cortex_m/counter.h"
#include "../cortex_m/received.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CPU_HZ 32000000u
#define PERIPHERALS_HZ 25000000u
#ifndef SOTTO_BAUD
#define SOTTO_BAUD 921600u
#endif

/* The system counter: 64 bits at the core's clock. */
#define COUNTER_CTRL REGISTER(0x58100000u)
#define COUNTER_LOW REGISTER(0x58100008u)
#define COUNTER_HIGH REGISTER(0x5810000Cu)
#define COUNTER_CTRL_ENABLE 1u

#define WATCHDOG ((cmsdk_watchdog *)0x5802E000u)
#define SLOW_HZ 32000u

#define UART0 ((cmsdk_uart *)0x59303000u)
#define UART0_IRQ 43u /* all its interrupts in one */

/* The emulator counts an instruction as a nanosecond, the counter runs at 32 MHz. */
#define EMULATED_INSTRUCTIONS 125u
#define EMULATED_TICKS 4u

static void uart0_interrupt(void) {
  cmsdk_uart_receive(UART0);
}

CORTEX_M_VECTOR_TABLE
static const cortex_m_handler vectors[CORTEX_M_VECTOR_IRQ0 + UART0_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS_WITH_NMI(cortex_m_watchdog),
    [CORTEX_M_VECTOR_IRQ0 + UART0_IRQ] = uart0_interrupt,
};

static void start_uart0(void) {
  cmsdk_uart_start(UART0, PERIPHERALS_HZ, SOTTO_BAUD);
  cortex_m_enable_irq(UART0_IRQ);
}

static uint64_t counter_ticks(void) {
  for (;;) { /* until the low half did not wrap between the reads of the high one */
    const uint32_t high = COUNTER_HIGH;
    const uint32_t low = COUNTER_LOW;
    if (high == COUNTER_HIGH) return (uint64_t)high << 32 | low;
  }
}

static uint32_t timer_ticks(void) {
  return (uint32_t)counter_ticks();
}

static uint32_t emulated_instructions(void) {
  return (uint32_t)(counter_ticks() * EMULATED_INSTRUCTIONS / EMULATED_TICKS);
}

static void port_feed_watchdog(void) {
  cmsdk_watchdog_feed(WATCHDOG, SLOW_HZ);
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
  COUNTER_CTRL = COUNTER_CTRL_ENABLE;
  const counter_rate rate = {.instructions = EMULATED_INSTRUCTIONS, .ticks = EMULATED_TICKS};
  const counter best = counter_choose(timer_ticks, rate, emulated_instructions);
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
