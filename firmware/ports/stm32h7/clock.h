#ifndef STM32H7_CLOCK_H
#define STM32H7_CLOCK_H

#include "../stm32/stm32.h"

/* Brings the core to 400 MHz from the board's oscillator, else from the internal one, else leaves
 * it at the 64 MHz of reset; then switches its caches on. */
stm32_clocks stm32h7_start(void);

#endif
