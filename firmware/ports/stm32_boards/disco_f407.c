/* STM32F4DISCOVERY (UM1472): crystal of 8 MHz. USART1 at PB6 and PB7: its other pins, PA9 and PA10,
 * carry VBUS and an LED there. */
#include "../stm32f4/pdm_i2s2.h"
#include "../stm32f4/stm32f4.h"

const stm32f4_board stm32f4_the_board = {
    .chip = &stm32f405,
    .hse = {.hz = 8000000u, .bypass = false},
};

const stm32_board stm32_the_board = {
    .usart = &stm32f4_usart1,
    .tx = {'B', 6, STM32F4_USART_AF},
    .rx = {'B', 7, STM32F4_USART_AF},
    .microphone = &stm32f4_pdm_i2s2,
};

CORTEX_M_VECTOR_TABLE
const cortex_m_handler stm32_vectors[CORTEX_M_VECTOR_IRQ0 + STM32F4_USART1_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + STM32F4_DMA1_STREAM3_IRQ] = stm32f4_pdm_i2s2_interrupt,
    [CORTEX_M_VECTOR_IRQ0 + STM32F4_USART1_IRQ] = stm32_usart_interrupt,
};
