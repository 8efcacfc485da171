/* STM32H743 (reference manual RM0433). */
#ifndef STM32H7_H
#define STM32H7_H

#include "../stm32/stm32.h"

extern const stm32_usart stm32h7_usart3;
#define STM32H7_USART3_IRQ 39u
#define STM32H7_USART3_AF 7u

/* By the board; whole even megahertz. */
extern const stm32_hse stm32h7_the_hse;

#endif
