/* B-L475E-IOT01A (UM2153): the ST-Link takes USART1 at PB6 and PB7 to USB. */
#include "../stm32l4/dfsdm_microphone.h"
#include "../stm32l4/stm32l4.h"

const stm32l4_board stm32l4_the_board = {.chip = &stm32l475};

const stm32_board stm32_the_board = {
    .usart = &stm32l4_usart1,
    .tx = {'B', 6, STM32L4_USART1_AF},
    .rx = {'B', 7, STM32L4_USART1_AF},
    .microphone = &stm32l4_dfsdm_microphone,
};

CORTEX_M_VECTOR_TABLE
const cortex_m_handler stm32_vectors[CORTEX_M_VECTOR_IRQ0 + STM32L4_USART1_IRQ + 1u] = {
    CORTEX_M_CORE_VECTORS,
    [CORTEX_M_VECTOR_IRQ0 + STM32L4_DMA1_CHANNEL4_IRQ] = stm32l4_dfsdm_interrupt,
    [CORTEX_M_VECTOR_IRQ0 + STM32L4_USART1_IRQ] = stm32_usart_interrupt,
};
