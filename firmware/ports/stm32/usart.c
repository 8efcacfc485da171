#include "../cortex_m/received.h"
#include "stm32.h"

#ifndef SOTTO_BAUD
#define SOTTO_BAUD 921600u
#endif
_Static_assert(SOTTO_BAUD <= 1000000u, "16 samples a bit at the 16 MHz of a board without its PLL");

/* Polls for the last byte to leave before a reset: at 16 cycles a poll more than a byte's time at
 * 9600 baud and 168 MHz. */
#define FLUSH_POLLS 20000u

/* The same in both makes, as are the lower bits of CR1. */
#define STATUS_ORE (1u << 3)
#define STATUS_RXNE (1u << 5)
#define STATUS_TC (1u << 6)
#define STATUS_TXE (1u << 7)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_RXNEIE (1u << 5)
#define CR1_START (CR1_RE | CR1_TE | CR1_RXNEIE)

const stm32_usart_layout stm32_usart_sr_dr = {
    .status = 0x00,
    .receive = 0x04,
    .transmit = 0x04,
    .brr = 0x08,
    .cr1 = 0x0C,
    .cr1_start = CR1_START | 1u << 13,
};

const stm32_usart_layout stm32_usart_isr_rdr = {
    .cr1 = 0x00,
    .brr = 0x0C,
    .status = 0x1C,
    .clear = 0x20,
    .receive = 0x24,
    .transmit = 0x28,
    .cr1_start = CR1_START | 1u,
};

static volatile uint32_t *at(uint8_t offset) {
  return &STM32_REGISTER(stm32_the_board.usart->base + offset);
}

/* In clocks a bit or, of an LPUART, in 256ths of one; to the nearest. The remainder is below 2^20,
 * times 256 below 2^28. */
static uint32_t divisor(uint32_t clock_hz, uint32_t steps_per_clock) {
  return clock_hz / SOTTO_BAUD * steps_per_clock +
         (clock_hz % SOTTO_BAUD * steps_per_clock + SOTTO_BAUD / 2u) / SOTTO_BAUD;
}

void stm32_usart_start(const stm32_clocks *clocks) {
  const stm32_usart *usart = stm32_the_board.usart;
  stm32_open(usart->gate);
  stm32_pin_to_peripheral(stm32_the_board.tx);
  stm32_pin_to_peripheral(stm32_the_board.rx);
  const uint32_t clock_hz = usart->bus == STM32_APB1 ? clocks->apb1_hz : clocks->apb2_hz;
  *at(usart->layout->brr) = divisor(clock_hz, usart->steps_per_clock);
  *at(usart->layout->cr1) = usart->layout->cr1_start;
  cortex_m_enable_irq(usart->irq);
}

/* Reads until nothing is left: the emulator may put the next byte there while the last one is read,
 * and drops the interrupt of that one. */
void stm32_usart_interrupt(void) {
  const stm32_usart_layout *layout = stm32_the_board.usart->layout;
  for (uint32_t status = *at(layout->status); status & (STATUS_RXNE | STATUS_ORE);
       status = *at(layout->status)) {
    const uint8_t byte = (uint8_t)*at(layout->receive);
    if (status & STATUS_ORE) {
      if (layout->clear != 0) {
        *at(layout->clear) = STATUS_ORE;
      }
      received_lost();
    }
    if (status & STATUS_RXNE) {
      received_put(byte);
    }
  }
}

void stm32_usart_write(const uint8_t *data, size_t length_bytes) {
  const stm32_usart_layout *layout = stm32_the_board.usart->layout;
  for (size_t i = 0; i < length_bytes; i++) {
    while (!(*at(layout->status) & STATUS_TXE)) {
    }
    *at(layout->transmit) = data[i];
  }
}

void stm32_usart_flush(void) {
  const uint8_t status = stm32_the_board.usart->layout->status;
  for (uint32_t polls = 0; polls < FLUSH_POLLS && !(*at(status) & STATUS_TC); polls++) {
  }
}
