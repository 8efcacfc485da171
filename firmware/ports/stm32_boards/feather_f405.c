/* Adafruit's Feather STM32F405 Express: crystal of 12 MHz; the pins marked TX and RX. */
#include "../stm32f4/stm32f4.h"

const stm32f4_board stm32f4_the_board = {
    .chip = &stm32f405,
    .hse = {.hz = 12000000u, .bypass = false},
};

const stm32_board stm32_the_board = {
    .usart = &stm32f4_usart3,
    .tx = {'B', 10, STM32F4_USART_AF},
    .rx = {'B', 11, STM32F4_USART_AF},
};

CORTEX_M_VECTOR_TABLE
const cortex_m_handler stm32_vectors[CORTEX_M_VECTOR_IRQ0 + STM32F4_USART3_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + STM32F4_USART3_IRQ] = stm32_usart_interrupt,
};
