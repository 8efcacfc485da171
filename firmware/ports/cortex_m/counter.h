/* The counter behind sotto_port.ticks: the finest that a board has, and what it may be called. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

typedef struct counter {
  uint32_t (*ticks)(void);
  const char *unit; /* tick_unit of sotto_port */
} counter;

/* Core cycles where the core counts them (DWT), else the port's running `timer`. That is found to
 * count instructions when known numbers of cheap and of dear ones take exactly one tick each
 * instructions_per_tick; `instructions` is then the timer in that unit. Call before interrupts are
 * enabled. */
counter counter_choose(uint32_t (*timer)(void), uint32_t instructions_per_tick,
                       uint32_t (*instructions)(void));

#endif
