#include "bench.h"

/* Numerical Recipes' generator; its high bits are the noise. */
#define STEP 1664525u
#define INCREMENT 1013904223u

#define PAINT 0xC5C5C5C5u

uint8_t bench_noise(uint32_t *state) {
  *state = *state * STEP + INCREMENT;
  return (uint8_t)(*state >> 24);
}

/* Its own array is the stack below the caller, the same one at each call: the caller's frame ends
 * where this one begins. */
__attribute__((noinline)) uint32_t bench_probe_stack(bench_stack what) {
  volatile uint32_t area[BENCH_STACK_BYTES / sizeof(uint32_t)];
  size_t untouched = 0;
  if (what == BENCH_PAINT) {
    for (size_t i = 0; i < sizeof area / sizeof area[0]; i++) area[i] = PAINT;
  }
  while (untouched < sizeof area / sizeof area[0] && area[untouched] == PAINT) untouched++;
  return (uint32_t)((uintptr_t)__builtin_dwarf_cfa() - (uintptr_t)&area[untouched]);
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

void bench_report(const sotto_port *port, uint32_t ticks, uint32_t stack_bytes, const void *result,
                  size_t result_bytes) {
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
