/* Port to STM32F405/407: USART1, TIM2. The emulator's netduinoplus2 runs the same binary. */
#include "port.h"

#include "../cortex_m/cortex_m.h"
#include "../cortex_m/counter.h"
#include "../cortex_m/received.h"
#include "stm32f4.h"

#ifndef SOTTO_BAUD
#define SOTTO_BAUD 921600u
#endif
_Static_assert(SOTTO_BAUD <= 1000000u, "16 samples a bit at the 16 MHz of a board without its PLL");

/* USART1 comes out at PB6 (TX) and PB7 (RX), or with SOTTO_USART1_ON_PORT_A=1 at PA9 and PA10. */
#ifndef SOTTO_USART1_ON_PORT_A
#define SOTTO_USART1_ON_PORT_A 0
#endif
#define TX_RX_PORT (SOTTO_USART1_ON_PORT_A ? GPIOA_BASE : GPIOB_BASE)
#define TX_RX_PORT_CLOCK (SOTTO_USART1_ON_PORT_A ? RCC_AHB1ENR_GPIOA : RCC_AHB1ENR_GPIOB)
#define TX_PIN (SOTTO_USART1_ON_PORT_A ? 9u : 6u)
#define RX_PIN (SOTTO_USART1_ON_PORT_A ? 10u : 7u)

/* Polls for the last byte to leave before a reset: at 16 cycles a poll more than a byte's time at
 * 9600 baud and 168 MHz. */
#define FLUSH_POLLS 20000u

/* Reads until nothing is left: the emulator may put the next byte there while DR is read, and drops
 * the interrupt of that one. */
static void usart1_interrupt(void) {
  for (uint32_t status = USART1_SR; status & (USART_SR_RXNE | USART_SR_ORE); status = USART1_SR) {
    const uint8_t byte = (uint8_t)USART1_DR; /* reading SR, then DR, also clears ORE */
    if (status & USART_SR_ORE) {
      received_lost();
    }
    if (status & USART_SR_RXNE) {
      received_put(byte);
    }
  }
}

CORTEX_M_VECTOR_TABLE
static const cortex_m_handler vectors[CORTEX_M_VECTOR_IRQ0 + USART1_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + USART1_IRQ] = usart1_interrupt,
};

static void pin_to_usart1(uint32_t pin) {
  GPIO_AFR(TX_RX_PORT, pin) |= GPIO_AF_USART1 << (pin % 8u * 4u);
  GPIO_PUPDR(TX_RX_PORT) |= GPIO_PULL_UP << (pin * 2u); /* an open line reads idle, not noise */
  GPIO_MODER(TX_RX_PORT) |= GPIO_MODE_ALTERNATE << (pin * 2u);
}

static void start_usart1(uint32_t usart1_hz) {
  RCC_AHB1ENR |= TX_RX_PORT_CLOCK;
  RCC_APB2ENR |= RCC_APB2ENR_USART1;
  (void)RCC_APB2ENR; /* read back: a clock arrives some cycles after its bit (ST's errata ES0182) */
  pin_to_usart1(TX_PIN);
  pin_to_usart1(RX_PIN);
  USART1_BRR = (usart1_hz + SOTTO_BAUD / 2u) / SOTTO_BAUD; /* 1/16 bit units, 16 samples a bit */
  USART1_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
  cortex_m_enable_irq(USART1_IRQ);
}

static void start_timer2(void) {
  RCC_APB1ENR |= RCC_APB1ENR_TIM2;
  (void)RCC_APB1ENR;
  TIM2_ARR = UINT32_MAX;
  TIM2_EGR = TIM_EGR_UG;
  TIM2_CR1 = TIM_CR1_CEN;
}

static uint32_t timer2_ticks(void) {
  return TIM2_CNT;
}

static void port_write(const uint8_t *data, size_t length_bytes) {
  for (size_t i = 0; i < length_bytes; i++) {
    while (!(USART1_SR & USART_SR_TXE)) {
    }
    USART1_DR = data[i];
  }
}

static void port_reset(void) {
  for (uint32_t polls = 0; polls < FLUSH_POLLS && !(USART1_SR & USART_SR_TC); polls++) {
  }
  cortex_m_restart();
}

static void port_init(void);

static sotto_port port = {
    .board = SOTTO_BOARD_NAME,
    .rx_window_bytes = RECEIVED_WINDOW_BYTES,
    .init = port_init,
    .read = received_read,
    .write = port_write,
    .idle = received_idle,
    .rx_overruns = received_overruns,
    .stack_peak_bytes = cortex_m_stack_peak_bytes,
    .reset = port_reset,
    .stack_bytes = cortex_m_stack_bytes,
    .reset_cause = cortex_m_reset_cause,
    .restarts = cortex_m_restarts,
};

static void port_init(void) {
  cortex_m_use_vectors(vectors);
  const stm32f4_clocks clocks = stm32f4_start_clocks();
  port.cpu_hz = clocks.cpu_hz;
  start_timer2();
  const counter_rate rate = {.instructions = 1, .ticks = 1};
  const counter best = counter_choose(timer2_ticks, rate, timer2_ticks);
  port.ticks = best.ticks;
  port.tick_unit = best.unit;
  start_usart1(clocks.usart1_hz);
}

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  /* the timer counts where the core does not: in the emulator, a nanosecond a tick */
  return port.ticks == timer2_ticks ? COUNTER_EMULATED_HZ : port.cpu_hz;
}
