/* NUCLEO-H743ZI and H743ZI2 (UM1974, UM2407): the ST-Link gives OSC_IN its 8 MHz and takes USART3
 * to USB. */
#include "../stm32h7/stm32h7.h"

const stm32_hse stm32h7_the_hse = {.hz = 8000000u, .bypass = true};

const stm32_board stm32_the_board = {
    .usart = &stm32h7_usart3,
    .tx = {'D', 8, STM32H7_USART3_AF},
    .rx = {'D', 9, STM32H7_USART3_AF},
};

CORTEX_M_VECTOR_TABLE
const cortex_m_handler stm32_vectors[CORTEX_M_VECTOR_IRQ0 + STM32H7_USART3_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + STM32H7_USART3_IRQ] = stm32_usart_interrupt,
};
