/* Firmware that shows a port's own behaviour to the tests: one-letter commands, answers in text.
 *
 *   i       board, tick unit, clock, lost bytes, stack peak
 *   e LLLL  echo the next L bytes (little endian)
 *   t       ticks of 2,000 instructions, measured as the difference of two loops
 *   b LLLL  do nothing until L bytes were lost, then go on
 *   x       count it
 *   c       how many x came
 *   f o r h fault, overflow the stack, reset, hang: no answer, the board starts anew
 */
#include <string.h>

#include "port.h"

#ifdef __riscv
#define COUNT_DOWN "1: addi %0, %0, -1\n\tbnez %0, 1b" /* 2 instructions an iteration */
#define PUSH_FOR_EVER "1: addi sp, sp, -32\n\tsw zero, (sp)\n\tj 1b"
#define UNDEFINED "unimp"
#elif defined(__XTENSA__)
#define COUNT_DOWN "1: addi %0, %0, -1\n\tbnez %0, 1b"
#define PUSH_FOR_EVER "1: addi a1, a1, -32\n\ts32i a2, a1, 0\n\tj 1b"
#define UNDEFINED "ill"
#else
#define COUNT_DOWN "1: subs %0, #1\n\tbne 1b"
#define PUSH_FOR_EVER "1: push {r0-r7}\n\tb 1b"
#define UNDEFINED "udf #0"
#endif

static const sotto_port *port;
static uint8_t pending[512];
static size_t pending_first;
static size_t pending_count;

static uint8_t next_byte(void) {
  while (pending_count == 0) {
    pending_first = 0;
    pending_count = port->read(pending, sizeof pending);
    if (pending_count == 0) {
      port->idle();
    }
  }
  pending_count--;
  return pending[pending_first++];
}

static uint32_t next_length(void) {
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    value |= (uint32_t)next_byte() << shift;
  }
  return value;
}

static void say(const char *text) {
  port->write((const uint8_t *)text, strlen(text));
}

static void say_number(uint32_t value) {
  char digits[12];
  char *first = digits + sizeof digits - 1;
  *first = '\0';
  do {
    *--first = (char)('0' + value % 10u);
    value /= 10u;
  } while (value > 0);
  say(";");
  say(first);
}

static void say_info(void) {
  say(port->board);
  say(";");
  say(port->tick_unit);
  say_number(port->cpu_hz);
  say_number(port->rx_overruns());
  say_number(port->stack_peak_bytes());
  say("\n");
}

__attribute__((noinline, noclone)) static uint32_t ticks_of_loop(uint32_t iterations) {
  const uint32_t start = port->ticks();
  __asm__ volatile(COUNT_DOWN : "+r"(iterations) : : "cc");
  return port->ticks() - start;
}

static void echo(uint32_t length_bytes) {
  while (length_bytes-- > 0) {
    const uint8_t byte = next_byte();
    port->write(&byte, 1);
  }
}

static void overflow_stack(void) {
  __asm__ volatile(PUSH_FOR_EVER ::: "memory");
}

int main(void) {
  port = sotto_port_get();
  port->init();
  uint32_t counted = 0;
  for (;;) {
    switch (next_byte()) {
      case 'i':
        say_info();
        break;
      case 'e':
        echo(next_length());
        break;
      case 't':
        say_number(ticks_of_loop(1100) - ticks_of_loop(100));
        say("\n");
        break;
      case 'b': {
        const uint32_t lost = next_length();
        while (port->rx_overruns() < lost) {
          sotto_port_feed_watchdog(port);
        }
        break;
      }
      case 'x':
        counted++;
        break;
      case 'c':
        say_number(counted);
        say("\n");
        break;
      case 'f':
        __asm__ volatile(UNDEFINED);
        break;
      case 'o':
        overflow_stack();
        break;
      case 'k':
        say_number((uint32_t)port->reset_cause());
        say_number(port->restarts());
        say("\n");
        break;
      case 'h':
        for (;;) {
        }
      case 'r':
        port->reset();
        break;
      default:
        break;
    }
  }
}
