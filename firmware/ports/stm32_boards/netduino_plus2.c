/* Netduino Plus 2, an STM32F405 with a crystal of 25 MHz: the board that QEMU emulates. */
#include "../stm32f4/stm32f4.h"

const stm32f4_board stm32f4_the_board = {
    .chip = &stm32f405,
    .hse = {.hz = 25000000u, .bypass = false},
};

const stm32_board stm32_the_board = {
    .usart = &stm32f4_usart1,
    .tx = {'B', 6, STM32F4_USART_AF},
    .rx = {'B', 7, STM32F4_USART_AF},
};

CORTEX_M_VECTOR_TABLE
const cortex_m_handler stm32_vectors[CORTEX_M_VECTOR_IRQ0 + STM32F4_USART1_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + STM32F4_USART1_IRQ] = stm32_usart_interrupt,
};
