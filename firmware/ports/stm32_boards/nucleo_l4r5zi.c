/* NUCLEO-L4R5ZI (UM2179): the ST-Link takes LPUART1 to USB; its pins hang on the supply VDDIO2. */
#include "../stm32l4/stm32l4.h"

const stm32l4_board stm32l4_the_board = {.chip = &stm32l4r5, .vddio2 = true};

const stm32_board stm32_the_board = {
    .usart = &stm32l4_lpuart1,
    .tx = {'G', 7, STM32L4_LPUART1_AF},
    .rx = {'G', 8, STM32L4_LPUART1_AF},
};

CORTEX_M_VECTOR_TABLE
const cortex_m_handler stm32_vectors[CORTEX_M_VECTOR_IRQ0 + STM32L4_LPUART1_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + STM32L4_LPUART1_IRQ] = stm32_usart_interrupt,
};
