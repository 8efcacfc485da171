#include "stm32.h"

/* Polls of a ready bit, each of 6 cycles or more. A crystal starts within a few milliseconds; this
 * is 18 ms at 16 MHz and 4 ms at the 64 MHz that an STM32H7 begins with. */
#define READY_POLLS 50000u

#define GPIO_STRIDE 0x400u
#define GPIO_MODER(base) STM32_REGISTER((base) + 0x00u)
#define GPIO_PUPDR(base) STM32_REGISTER((base) + 0x0Cu)
#define GPIO_AFR(base, pin) STM32_REGISTER((base) + 0x20u + 4u * ((pin) / 8u))
#define GPIO_MODE_ALTERNATE 2u
#define GPIO_PULL_UP 1u

void stm32_open(stm32_gate gate) {
  STM32_REGISTER(gate.address) |= gate.mask;
  /* read back: a clock arrives some cycles after its bit (ST's errata ES0182) */
  (void)STM32_REGISTER(gate.address);
}

bool stm32_becomes(volatile const uint32_t *status, uint32_t mask, uint32_t value) {
  for (uint32_t polls = 0; polls < READY_POLLS; polls++) {
    if ((*status & mask) == value) {
      return true;
    }
  }
  return false;
}

static uint32_t with_field(uint32_t old, uint32_t shift, uint32_t width, uint32_t value) {
  return (old & ~(((1u << width) - 1u) << shift)) | value << shift;
}

void stm32_pin_to_peripheral(stm32_pin pin) {
  const uint32_t port = (uint32_t)(pin.port - 'A');
  const uint32_t base = stm32_the_family.gpio_base + GPIO_STRIDE * port;
  stm32_open((stm32_gate){stm32_the_family.gpio_gates, 1u << port});
  const uint32_t number = pin.number;
  GPIO_AFR(base, number) = with_field(GPIO_AFR(base, number), number % 8u * 4u, 4, pin.function);
  GPIO_PUPDR(base) = with_field(GPIO_PUPDR(base), number * 2u, 2, GPIO_PULL_UP);
  GPIO_MODER(base) = with_field(GPIO_MODER(base), number * 2u, 2, GPIO_MODE_ALTERNATE);
}
