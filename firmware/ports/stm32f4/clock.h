#ifndef STM32F4_CLOCK_H
#define STM32F4_CLOCK_H

#include "../stm32/stm32.h"

/* Brings the core to the chip's full speed from the board's oscillator, else from the internal one,
 * else leaves it at the 16 MHz of reset. */
stm32_clocks stm32f4_start_clocks(void);

#endif
