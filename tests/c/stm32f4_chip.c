/* The stm32f4 port's start-up and receive interrupt against a model of the chip's registers, since
 * the emulator's clock tree reads 0.
 *
 * The variable CHIP_FAULT may name a part that does not work: crystal, pll, flash or switch. The
 * program prints `write ADDRESS VALUE` for each register that changes, in order, then the facts of
 * the port.
 */
#include "stm32f4_chip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cortex_m/cortex_m.h"
#include "../cortex_m/counter.h"
#include "../cortex_m/received.h"
#include "port.h"
#include "stm32f4.h"

enum { RCC_CR_AT = 0x40023800, RCC_CFGR_AT = 0x40023808, FLASH_ACR_AT = 0x40023C00 };
enum { USART1_SR_AT = 0x40011000, USART1_DR_AT = 0x40011004 };

typedef struct chip_slot {
  uint32_t address;
  uint32_t seen; /* value that the model has already reacted to */
  volatile uint32_t value;
} chip_slot;

/* Reset values of RM0090 where they are not 0. */
static chip_slot slots[32] = {
    {RCC_CR_AT, 0x83, 0x83},
    {0x40023804, 0x24003010, 0x24003010}, /* RCC_PLLCFGR */
    {0x40023830, 0x00100000, 0x00100000}, /* RCC_AHB1ENR */
    {0x40020000, 0xA8000000, 0xA8000000}, /* GPIOA_MODER */
    {0x4002000C, 0x64000000, 0x64000000}, /* GPIOA_PUPDR */
    {0x40020400, 0x00000280, 0x00000280}, /* GPIOB_MODER */
    {0x4002040C, 0x00000100, 0x00000100}, /* GPIOB_PUPDR */
    {USART1_SR_AT, 0xC0, 0xC0},
};
static uint32_t last_address;

static const cortex_m_handler *vectors;
static uint32_t enabled_irq;
static uint32_t bytes_received;
static uint32_t bytes_lost;

static chip_slot *slot_of(uint32_t address) {
  for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
    if (slots[i].address == address || slots[i].address == 0) {
      slots[i].address = address;
      return &slots[i];
    }
  }
  abort();
}

static bool works(const char *part) {
  const char *fault = getenv("CHIP_FAULT");
  return fault == NULL || strcmp(fault, part) != 0;
}

/* What the chip makes of a write. */
static uint32_t answer_of(uint32_t address, uint32_t value) {
  if (address == RCC_CR_AT) {
    if ((value & RCC_CR_HSEON) && works("crystal")) value |= RCC_CR_HSERDY;
    if ((value & RCC_CR_PLLON) && works("pll")) value |= RCC_CR_PLLRDY;
  } else if (address == RCC_CFGR_AT && works("switch")) {
    value = (value & ~RCC_CFGR_SWS_MASK) | (value & 3u) << 2;
  } else if (address == FLASH_ACR_AT && !works("flash")) {
    value &= ~FLASH_ACR_LATENCY_MASK;
  }
  return value;
}

volatile uint32_t *chip_register(uint32_t address) {
  for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
    if (slots[i].value != slots[i].seen) {
      printf("write %08X %08X\n", (unsigned)slots[i].address, (unsigned)slots[i].value);
      slots[i].value = answer_of(slots[i].address, slots[i].value);
      slots[i].seen = slots[i].value;
    }
  }
  if (last_address == USART1_DR_AT) { /* DR was read */
    slot_of(USART1_SR_AT)->value &= ~(USART_SR_RXNE | USART_SR_ORE);
    slot_of(USART1_SR_AT)->seen = slot_of(USART1_SR_AT)->value;
  }
  last_address = address;
  return &slot_of(address)->value;
}

/* What the port asks of the core and of the receive ring. */
uint32_t cortex_m_stack_top[1];

void cortex_m_reset(void) {
  abort();
}

void cortex_m_restart(void) {
  abort();
}

void cortex_m_fault(void) {
  abort();
}

void cortex_m_use_vectors(const cortex_m_handler *table) {
  vectors = table;
}

void cortex_m_enable_irq(uint32_t irq) {
  enabled_irq = irq;
}

uint32_t cortex_m_stack_peak_bytes(void) {
  return 0;
}

uint32_t cortex_m_stack_bytes(void) {
  return 0;
}

sotto_reset_cause cortex_m_reset_cause(void) {
  return SOTTO_RESET_UNKNOWN;
}

uint32_t cortex_m_restarts(void) {
  return 0;
}

counter counter_choose(uint32_t (*timer)(void), counter_rate rate, uint32_t (*instructions)(void)) {
  return (counter){rate.instructions == rate.ticks ? instructions : timer, "instructions"};
}

void received_put(uint8_t byte) {
  bytes_received = bytes_received << 8 | byte;
}

void received_lost(void) {
  bytes_lost++;
}

size_t received_read(uint8_t *data, size_t capacity_bytes) {
  return data == NULL ? capacity_bytes : 0;
}

void received_idle(void) {}

uint32_t received_overruns(void) {
  return bytes_lost;
}

static void receive(uint32_t status, uint8_t byte) {
  slot_of(USART1_SR_AT)->value |= status;
  slot_of(USART1_SR_AT)->seen = slot_of(USART1_SR_AT)->value;
  slot_of(USART1_DR_AT)->value = byte;
  slot_of(USART1_DR_AT)->seen = byte;
  vectors[CORTEX_M_VECTOR_IRQ0 + enabled_irq]();
}

int main(void) {
  const sotto_port *port = sotto_port_get();
  port->init();
  (void)chip_register(USART1_SR_AT); /* shows the last write */
  printf("cpu_hz %u\n", (unsigned)port->cpu_hz);
  receive(USART_SR_RXNE, 0x41);
  receive(USART_SR_RXNE | USART_SR_ORE, 0x42);
  receive(USART_SR_ORE, 0x43);
  printf("received %X lost %u\n", (unsigned)bytes_received, (unsigned)bytes_lost);
  return 0;
}
