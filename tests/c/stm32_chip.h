/* Included before each file of an STM32 port: its registers become those of stm32_chip.c. */
#ifndef STM32_CHIP_H
#define STM32_CHIP_H

#include <stdint.h>

volatile uint32_t *chip_register(uint32_t address);

#define STM32_REGISTER(address) (*chip_register(address))

#endif
