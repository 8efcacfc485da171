#ifndef STM32L4_CLOCK_H
#define STM32L4_CLOCK_H

#include "../stm32/stm32.h"

/* Brings the core to the chip's full speed from the internal oscillator HSI16, else leaves it at 16
 * MHz of the other one, MSI. Connects the supply of the pins that the board says. */
stm32_clocks stm32l4_start_clocks(void);

#endif
