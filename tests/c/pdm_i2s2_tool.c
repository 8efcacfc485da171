/* The PDM microphone of the stm32f4 port, against a model of its DMA: bits from the standard input
 * become the samples that the port reads, on the standard output; then what it lost, on stderr.
 *
 * The environment says STEP, half-words between two reads, and LATE, how many of ten are left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pdm_i2s2.c"

#define NDTR 0x4002605Cu
#define RCC_CR_ADDRESS 0x40023800u

static uint32_t addresses[32];
static volatile uint32_t values[32];

volatile uint32_t *chip_register(uint32_t address) {
  size_t i = 0;
  while (addresses[i] != 0 && addresses[i] != address) i++;
  addresses[i] = address;
  return &values[i];
}

void stm32_open(stm32_gate gate) {
  *chip_register(gate.address) |= gate.mask;
}

bool stm32_becomes(volatile const uint32_t *status, uint32_t mask, uint32_t value) {
  *chip_register(RCC_CR_ADDRESS) |= RCC_CR_PLLI2SRDY;
  return (*status & mask) == value;
}

void stm32_pin_to_peripheral(stm32_pin pin) {
  if (pin.function != I2S2_AF) abort();
}

void cortex_m_enable_irq(uint32_t irq) {
  if (irq != STM32F4_DMA1_STREAM3_IRQ) abort();
}

/* DMA takes the next half-word; 0 at the end of the bits. */
static int transfer(uint32_t *at) {
  const int first = getchar(), second = getchar();
  if (second == EOF) return 0;
  ring[*at] = (uint16_t)(first << 8 | second);
  *at = (*at + 1u) % RING_HALF_WORDS;
  *chip_register(NDTR) = RING_HALF_WORDS - *at;
  if (*at % (RING_HALF_WORDS / 2u) == 0) stm32f4_pdm_i2s2_interrupt();
  return 1;
}

static int number_of(const char *variable) {
  const char *text = getenv(variable);
  return text != NULL ? atoi(text) : 0;
}

int main(void) {
  const sotto_microphone *microphone = &stm32f4_pdm_i2s2;
  const int step = number_of("STEP"), late = number_of("LATE");
  if (step < 1 || !microphone->start()) return 1;
  uint32_t at = 0;
  for (int reads = 0, more = 1; more; reads++) {
    for (int i = 0; i < step && more; i++) more = transfer(&at);
    int16_t samples[160];
    for (size_t count = 1; reads % 10 >= late && count > 0;) {
      count = microphone->read(samples, sizeof samples / sizeof samples[0]);
      fwrite(samples, sizeof samples[0], count, stdout);
    }
  }
  fprintf(stderr, "%u\n", (unsigned)microphone->lost());
  microphone->stop();
  return 0;
}
