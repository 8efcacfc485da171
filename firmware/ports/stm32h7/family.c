#include "clock.h"
#include "stm32h7.h"

#define RCC_AHB4ENR 0x580244E0u
#define RCC_APB1LENR 0x580244E8u
#define RCC_RSR 0x580244D0u

const stm32_family stm32_the_family = {
    .gpio_base = 0x58020000u,
    .gpio_gates = RCC_AHB4ENR,
    .timer2 = {RCC_APB1LENR, 1u << 0},
    .iwdg_base = 0x58004800u,
    .reset_flags =
        {
            .address = RCC_RSR,
            .clear = 1u << 16,
            .watchdog = 1u << 26 | 1u << 28,
            .power_on = 1u << 23,
            .brown_out = 1u << 21,
            .software = 1u << 24,
            .pin = 1u << 22,
        },
    .start = stm32h7_start,
};

/* RCC_D2CCIP2R lets it run from the clock of its bus after reset. */
const stm32_usart stm32h7_usart3 = {
    .layout = &stm32_usart_isr_rdr,
    .base = 0x40004800u,
    .irq = STM32H7_USART3_IRQ,
    .gate = {RCC_APB1LENR, 1u << 18},
    .bus = STM32_APB1,
    .steps_per_clock = 1,
};
