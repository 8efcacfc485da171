#include "bench.h"

/* Numerical Recipes' generator; its high bits are the noise. */
#define STEP 1664525u
#define INCREMENT 1013904223u

uint8_t bench_noise(uint32_t *state) {
  *state = *state * STEP + INCREMENT;
  return (uint8_t)(*state >> 24);
}

static void put(const sotto_port *port, char character) {
  port->write((const uint8_t *)&character, 1);
}

static void put_text(const sotto_port *port, const char *text) {
  while (*text != '\0') put(port, *text++);
  put(port, ' ');
}

static void put_number(const sotto_port *port, uint32_t number) {
  char digits[11];
  char *digit = digits + sizeof digits - 1;
  *digit = '\0';
  do {
    *--digit = (char)('0' + number % 10u);
    number /= 10u;
  } while (number != 0u);
  put_text(port, digit);
}

void bench_report(const sotto_port *port, uint32_t ticks, const void *result, size_t result_bytes) {
  const uint32_t stack_bytes = port->stack_peak_bytes();
  put_number(port, ticks);
  put_text(port, port->tick_unit);
  put_number(port, stack_bytes);
  for (size_t i = 0; i < result_bytes; i++) {
    const uint8_t byte = ((const uint8_t *)result)[i];
    put(port, "0123456789abcdef"[byte >> 4]);
    put(port, "0123456789abcdef"[byte & 15u]);
  }
  put(port, '\n');
  port->reset();
}
