/* NUCLEO-F401RE (UM1724): the ST-Link gives OSC_IN its 8 MHz and takes USART2 to USB. */
#include "../stm32f4/stm32f4.h"

const stm32f4_board stm32f4_the_board = {
    .chip = &stm32f401,
    .hse = {.hz = 8000000u, .bypass = true},
};

const stm32_board stm32_the_board = {
    .usart = &stm32f4_usart2,
    .tx = {'A', 2, STM32F4_USART_AF},
    .rx = {'A', 3, STM32F4_USART_AF},
};

CORTEX_M_VECTOR_TABLE
const cortex_m_handler stm32_vectors[CORTEX_M_VECTOR_IRQ0 + STM32F4_USART2_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + STM32F4_USART2_IRQ] = stm32_usart_interrupt,
};
