/* What start-up code does to RAM before main() may run, and the high-water mark of the stack.
 *
 * The addresses come from a port's linker script. */
#ifndef START_UP_H
#define START_UP_H

#include <stdint.h>

#define START_UP_STACK_PAINT 0xC5C5C5C5u

/* Room that the caller itself may use while it paints below its own frame. */
#define START_UP_PAINT_MARGIN_WORDS 16

/* Start-up writes through these: the compiler would make calls of the C library of its loops, which
 * take 400 bytes of flash. */
typedef volatile uint32_t *ram_words;

/* Paints the stack from its lowest word to shortly below the stack pointer. */
static inline void start_up_paint_stack(uint32_t *limit, const uint32_t *stack_pointer) {
  const uint32_t *end = stack_pointer - START_UP_PAINT_MARGIN_WORDS;
  for (ram_words word = limit; word < end; word++) {
    *word = START_UP_STACK_PAINT;
  }
}

/* Gives variables their initial values, which lie at `load`. */
static inline void start_up_fill_data(const uint32_t *load, uint32_t *start, const uint32_t *end) {
  for (ram_words word = start; word < end; word++) {
    *word = *load++;
  }
}

static inline void start_up_clear_bss(uint32_t *start, const uint32_t *end) {
  for (ram_words word = start; word < end; word++) {
    *word = 0;
  }
}

/* Greatest depth that the stack has reached since it was painted. */
static inline uint32_t start_up_stack_peak_bytes(const uint32_t *limit, const uint32_t *top) {
  const uint32_t *word = limit;
  while (word < top && *word == START_UP_STACK_PAINT) {
    word++;
  }
  return (uint32_t)((uintptr_t)top - (uintptr_t)word);
}

#endif
