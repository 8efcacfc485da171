/* What the firmware asks of a board: one struct of facts and functions.
 *
 * Each folder under firmware/ports/ defines sotto_port_get(); the build compiles exactly one of
 * them. Vendor registers stand only there, and a port includes nothing of sotto but this file;
 * of the library, sotto/pdm.h, where its microphone gives bits.
 * All functions are called from the main loop, never from an interrupt.
 */
#ifndef SOTTO_PORT_H
#define SOTTO_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "microphone.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a board started last. The numbers go over the link. */
typedef enum sotto_reset_cause {
  SOTTO_RESET_UNKNOWN = 0,
  SOTTO_RESET_POWER_ON = 1,
  SOTTO_RESET_PIN = 2,
  SOTTO_RESET_SOFTWARE = 3, /* reset() of the port */
  SOTTO_RESET_WATCHDOG = 4,
  SOTTO_RESET_FAULT = 5, /* the core met an exception that the firmware has no handler for */
  SOTTO_RESET_BROWN_OUT = 6,
} sotto_reset_cause;

typedef struct sotto_port {
  /* Name of the board as the host shows it. */
  const char *board;

  /* Core clock in force after init(). */
  uint32_t cpu_hz;

  /* What one step of ticks() counts: "instructions" on emulators that run with icount, "cycles" on
   * silicon, "microseconds" on Arduino cores, "nanoseconds" on the host. */
  const char *tick_unit;

  /* Size of the receive ring. The host never has more unanswered bytes in flight, so a UART without
   * flow control does not overrun while the firmware computes. */
  uint32_t rx_window_bytes;

  /* Starts clocks, the serial line and the tick counter. Called once, before anything else. */
  void (*init)(void);

  /* Takes up to capacity_bytes received bytes, in order. Returns how many; never blocks. Every main
   * loop comes round to it, so it also puts off the watchdog, if there is one. */
  size_t (*read)(uint8_t *data, size_t capacity_bytes);

  /* Sends length_bytes bytes; returns when all were accepted. */
  void (*write)(const uint8_t *data, size_t length_bytes);

  /* Sleeps until a received byte may be there or, while the microphone runs, a sample. May return
   * early; never misses a byte that came between the last read() and this call. */
  void (*idle)(void);

  /* Free-running counter in tick_unit; wraps at 2^32. */
  uint32_t (*ticks)(void);

  /* Received bytes that were lost since init(), by the UART or by a full ring. */
  uint32_t (*rx_overruns)(void);

  /* Greatest stack use since start, from the painted high-water mark; 0 when unknown. */
  uint32_t (*stack_peak_bytes)(void);

  /* Restarts the board. Does not return. */
  void (*reset)(void);

  /* What follows is optional: a board that lacks it leaves it out (NULL, 0). */

  const sotto_microphone *microphone;

  /* Room for the stack. When stack_peak_bytes() reaches it, the stack has met its end. */
  uint32_t (*stack_bytes)(void);

  /* Why the board started last; the same answer until the next start. */
  sotto_reset_cause (*reset_cause)(void);

  /* Starts since power came on, the first one not counted. */
  uint32_t (*restarts)(void);

  /* Puts off the watchdog, between the steps of long work: elsewhere read() does. The first call of
   * either starts it, unless it runs already, so a benchmark that calls neither has none. idle() of
   * a port with a watchdog returns before it bites. */
  void (*feed_watchdog)(void);

  /* How long the watchdog waits for that before it restarts the board; 0: there is none. */
  uint32_t watchdog_ms;
} sotto_port;

static inline sotto_reset_cause sotto_port_reset_cause(const sotto_port *port) {
  return port->reset_cause != NULL ? port->reset_cause() : SOTTO_RESET_UNKNOWN;
}

static inline void sotto_port_feed_watchdog(const sotto_port *port) {
  if (port->feed_watchdog != NULL) {
    port->feed_watchdog();
  }
}

/* The port of this build. cpu_hz, tick_unit and ticks are valid after init(). */
const sotto_port *sotto_port_get(void);

/* How many ticks() are a second of the board's clock; valid after init(). An emulator's seconds are
 * its own. Firmware that never asks does not contain it. */
uint32_t sotto_port_ticks_hz(void);

#ifdef __cplusplus
}
#endif

#endif /* SOTTO_PORT_H */
