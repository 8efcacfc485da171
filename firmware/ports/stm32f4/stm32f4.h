/* STM32F4: its chips and the USARTs that boards use. RM0090 is the reference manual of F405 and
 * F407, RM0390 that of F446, RM0368 that of F401; the addresses are the same in all. */
#ifndef STM32F4_H
#define STM32F4_H

#include "../stm32/stm32.h"

/* What a chip bears, at 2.7 V to 3.6 V. */
typedef struct stm32f4_chip {
  uint32_t cpu_hz;
  uint32_t pll_p; /* 2, 4, 6 or 8: divides the PLL's oscillator, 192 to 432 MHz, to cpu_hz */
  uint32_t flash_wait_states;
  uint32_t apb1_divider; /* 1, 2 or 4 */
  uint32_t apb2_divider;
  bool over_drive; /* the voltage regulator must be driven harder for cpu_hz */
} stm32f4_chip;

extern const stm32f4_chip stm32f405; /* and F407 */
extern const stm32f4_chip stm32f446;
extern const stm32f4_chip stm32f401;

extern const stm32_usart stm32f4_usart1;
extern const stm32_usart stm32f4_usart2;
extern const stm32_usart stm32f4_usart3; /* F401 has none */
#define STM32F4_USART1_IRQ 37u
#define STM32F4_USART2_IRQ 38u
#define STM32F4_USART3_IRQ 39u
#define STM32F4_USART_AF 7u /* of USART1 to USART3 on all their pins */

typedef struct stm32f4_board {
  const stm32f4_chip *chip;
  stm32_hse hse; /* whole megahertz */
} stm32f4_board;

/* By the board. */
extern const stm32f4_board stm32f4_the_board;

#endif
