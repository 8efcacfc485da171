/* The PDM microphone of an STM32 port against a model of its DMA: bits from the standard input
 * become the samples that the port reads, on the standard output; on stderr what it lost and the
 * speed of the line.
 *
 * The environment says STEP, units of DMA between two reads, and LATE, how many of ten are left
 * out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "microphone_model.h"
#include "stm32.h"

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
  model_poll();
  return (*status & mask) == value;
}

void stm32_pin_to_peripheral(stm32_pin pin) {
  if (pin.function != model_pin_function) abort();
}

void cortex_m_enable_irq(uint32_t irq) {
  if (irq != model_irq) abort();
}

uint32_t number_of(const char *variable) {
  const char *text = getenv(variable);
  return text != NULL ? (uint32_t)atol(text) : 0;
}

static bool begin_after_another_time(void) {
  if (!model_microphone->start()) return false;
  model_microphone->stop();
  return model_line_hz() == 0 && model_microphone->start();
}

int main(void) {
  const uint32_t step = number_of("STEP"), late = number_of("LATE");
  if (step < 1) return 2;
  if (!begin_after_another_time()) {
    fprintf(stderr, "did not start, line at %u\n", (unsigned)model_line_hz());
    return 1;
  }
  for (uint32_t reads = 0, more = 1; more; reads++) {
    for (uint32_t i = 0; i < step && more; i++) more = model_transfer();
    int16_t samples[160];
    for (size_t count = 1; reads % 10 >= late && count > 0;) {
      count = model_microphone->read(samples, sizeof samples / sizeof samples[0]);
      fwrite(samples, sizeof samples[0], count, stdout);
    }
  }
  fprintf(stderr, "%u %u\n", (unsigned)model_microphone->lost(), (unsigned)model_line_hz());
  return 0;
}
