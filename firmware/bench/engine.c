/* One inference of the generated model, counted: prints a line, then restarts the board.
 *
 *   <ticks> <unit> <peak stack in bytes> <scores, two hexadecimal digits each>
 */
#include <stddef.h>
#include <stdint.h>

#include "port.h"
#include "sotto/model.h"
#include "sotto_model.h"

/* Numerical Recipes' generator; its high bits are the input. The host makes the same. */
#define STEP 1664525u
#define INCREMENT 1013904223u

static const sotto_port *port;

static void put(char character) {
  port->write((const uint8_t *)&character, 1);
}

static void put_text(const char *text) {
  while (*text != '\0') put(*text++);
  put(' ');
}

static void put_number(uint32_t number) {
  char digits[11];
  char *digit = digits + sizeof digits - 1;
  *digit = '\0';
  do {
    *--digit = (char)('0' + number % 10u);
    number /= 10u;
  } while (number != 0u);
  put_text(digit);
}

static void put_hex(uint8_t byte) {
  put("0123456789abcdef"[byte >> 4]);
  put("0123456789abcdef"[byte & 15u]);
}

int main(void) {
  static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
  static int8_t features[SOTTO_MODEL_INPUT_BYTES];
  static int8_t scores[SOTTO_MODEL_CLASSES];
  port = sotto_port_get();
  port->init();
  uint32_t state = 1;
  for (size_t i = 0; i < sizeof features; i++) {
    state = state * STEP + INCREMENT;
    features[i] = (int8_t)(uint8_t)(state >> 24);
  }
  int status = sotto_model_init(arena, sizeof arena);
  const uint32_t start = port->ticks();
  if (status == SOTTO_OK) status = sotto_model_invoke(arena, sizeof arena, features, scores);
  const uint32_t ticks = port->ticks() - start;
  if (status == SOTTO_OK) {
    put_number(ticks);
    put_text(port->tick_unit);
    put_number(port->stack_peak_bytes());
    for (size_t i = 0; i < sizeof scores; i++) put_hex((uint8_t)scores[i]);
  }
  put('\n');
  port->reset();
  return 0;
}
