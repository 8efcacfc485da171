/* The counter behind sotto_port.ticks: the finest that a board has, and what it may be called. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

typedef struct counter {
  uint32_t (*ticks)(void);
  const char *unit; /* tick_unit of sotto_port */
} counter;

/* How fast a timer runs on an emulator that takes a nanosecond for an instruction. */
typedef struct counter_rate {
  uint32_t instructions;
  uint32_t ticks; /* that those take: 1, 2 or 4 */
} counter_rate;

/* Instructions a second of such an emulator. */
#define COUNTER_EMULATED_HZ 1000000000u

/* Core cycles where the core counts them (DWT), else the port's running `timer`. That is found to
 * count instructions when known numbers of cheap and of dear ones take exactly `rate`;
 * `instructions` is then the timer in that unit. Call before interrupts are enabled. */
counter counter_choose(uint32_t (*timer)(void), counter_rate rate, uint32_t (*instructions)(void));

#endif
