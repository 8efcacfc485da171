/* STM32L4 and L4+: chips and the USARTs that boards use. RM0351 is the reference manual of L475,
 * RM0432 that of L4R5; the addresses are the same in both. */
#ifndef STM32L4_H
#define STM32L4_H

#include "../stm32/stm32.h"

/* What a chip bears, at 1.71 V to 3.6 V. */
typedef struct stm32l4_chip {
  uint32_t cpu_hz; /* all buses run at it */
  uint32_t flash_wait_states;
  bool boost; /* the voltage regulator must be driven harder for cpu_hz */
} stm32l4_chip;

extern const stm32l4_chip stm32l475;
extern const stm32l4_chip stm32l4r5;

extern const stm32_usart stm32l4_usart1;
extern const stm32_usart stm32l4_lpuart1;
#define STM32L4_USART1_IRQ 37u
#define STM32L4_LPUART1_IRQ 70u
#define STM32L4_USART1_AF 7u
#define STM32L4_LPUART1_AF 8u

typedef struct stm32l4_board {
  const stm32l4_chip *chip;
  bool vddio2; /* supplied: PG2 to PG15 are to be used */
} stm32l4_board;

/* By the board. */
extern const stm32l4_board stm32l4_the_board;

#endif
