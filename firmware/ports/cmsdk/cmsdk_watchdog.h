/* Watchdog of Arm's Cortex-M System Design Kit (DDI 0479, 4.6), on boards of the MPS family. It
 * counts down twice: first it interrupts the core (NMI), then it resets the board. */
#ifndef CMSDK_WATCHDOG_H
#define CMSDK_WATCHDOG_H

#include <stdint.h>

#ifndef SOTTO_WATCHDOG_MS
#define SOTTO_WATCHDOG_MS 4000u
#endif

typedef struct cmsdk_watchdog {
  volatile uint32_t load;
  volatile uint32_t value;
  volatile uint32_t control;
  volatile uint32_t int_clear;
} cmsdk_watchdog;

#define CMSDK_WATCHDOG_INTERRUPT (1u << 0)
#define CMSDK_WATCHDOG_RESET (1u << 1)

/* Its registers lie unlocked after reset. `clock_hz` below 2^32 ms / SOTTO_WATCHDOG_MS. */
static inline void cmsdk_watchdog_start(cmsdk_watchdog *watchdog, uint32_t clock_hz) {
  watchdog->load = clock_hz / 1000u * SOTTO_WATCHDOG_MS;
  watchdog->control = CMSDK_WATCHDOG_INTERRUPT | CMSDK_WATCHDOG_RESET;
}

/* Starts it when it does not run, else lets it count from the beginning. */
static inline void cmsdk_watchdog_feed(cmsdk_watchdog *watchdog, uint32_t clock_hz) {
  if (watchdog->control == 0) {
    cmsdk_watchdog_start(watchdog, clock_hz);
  }
  watchdog->int_clear = 1;
}

#endif
