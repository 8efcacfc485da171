/* Port to the STM32 microcontrollers of ST. The emulator's netduinoplus2 runs the same binary as
 * its chip. */
#include "port.h"

#include "../cortex_m/counter.h"
#include "../cortex_m/received.h"
#include "stm32.h"

#define TIM2_CR1 STM32_REGISTER(0x40000000u)
#define TIM2_EGR STM32_REGISTER(0x40000014u)
#define TIM2_CNT STM32_REGISTER(0x40000024u)
#define TIM2_ARR STM32_REGISTER(0x4000002Cu)
#define TIM_CR1_CEN 1u
#define TIM_EGR_UG 1u

static void start_timer2(void) {
  stm32_open(stm32_the_family.timer2);
  TIM2_ARR = UINT32_MAX;
  TIM2_EGR = TIM_EGR_UG;
  TIM2_CR1 = TIM_CR1_CEN;
}

static uint32_t timer2_ticks(void) {
  return TIM2_CNT;
}

static size_t port_read(uint8_t *data, size_t capacity_bytes) {
  stm32_watchdog_feed();
  return received_read(data, capacity_bytes);
}

static sotto_reset_cause reset_cause;

static sotto_reset_cause port_reset_cause(void) {
  return reset_cause;
}

static void port_reset(void) {
  stm32_usart_flush();
  cortex_m_restart();
}

static void port_init(void);

static sotto_port port = {
    .board = SOTTO_BOARD_NAME,
    .rx_window_bytes = RECEIVED_WINDOW_BYTES,
    .init = port_init,
    .read = port_read,
    .write = stm32_usart_write,
    .idle = received_idle,
    .rx_overruns = received_overruns,
    .stack_peak_bytes = cortex_m_stack_peak_bytes,
    .reset = port_reset,
    .stack_bytes = cortex_m_stack_bytes,
    .reset_cause = port_reset_cause,
    .restarts = cortex_m_restarts,
    .feed_watchdog = stm32_watchdog_feed,
    .watchdog_ms = SOTTO_WATCHDOG_MS,
};

static void port_init(void) {
  cortex_m_use_vectors(stm32_vectors);
  const stm32_clocks clocks = stm32_the_family.start();
  port.cpu_hz = clocks.cpu_hz;
  reset_cause = stm32_take_reset_cause();
  port.microphone = stm32_the_board.microphone;
  start_timer2();
  const counter_rate rate = {.instructions = 1, .ticks = 1};
  const counter best = counter_choose(timer2_ticks, rate, timer2_ticks);
  port.ticks = best.ticks;
  port.tick_unit = best.unit;
  stm32_usart_start(&clocks);
}

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  /* the timer counts where the core does not: in the emulator, a nanosecond a tick */
  return port.ticks == timer2_ticks ? COUNTER_EMULATED_HZ : port.cpu_hz;
}
