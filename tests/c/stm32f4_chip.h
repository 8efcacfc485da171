/* Included before each file of the stm32f4 port: its registers become those of stm32f4_chip.c. */
#ifndef STM32F4_CHIP_H
#define STM32F4_CHIP_H

#include <stdint.h>

volatile uint32_t *chip_register(uint32_t address);

#define STM32_REGISTER(address) (*chip_register(address))

#endif
