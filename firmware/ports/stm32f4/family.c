#include "stm32f4.h"

#include "clock.h"

#define RCC_AHB1ENR 0x40023830u
#define RCC_APB1ENR 0x40023840u
#define RCC_APB2ENR 0x40023844u
#define RCC_CSR 0x40023874u

const stm32_family stm32_the_family = {
    .gpio_base = 0x40020000u,
    .gpio_gates = RCC_AHB1ENR,
    .timer2 = {RCC_APB1ENR, 1u << 0},
    .iwdg_base = 0x40003000u,
    .reset_flags =
        {
            .address = RCC_CSR,
            .clear = 1u << 24,
            .watchdog = 1u << 29 | 1u << 30,
            .power_on = 1u << 27,
            .brown_out = 1u << 25,
            .software = 1u << 28,
            .pin = 1u << 26,
        },
    .start = stm32f4_start_clocks,
};

const stm32_usart stm32f4_usart1 = {
    .layout = &stm32_usart_sr_dr,
    .base = 0x40011000u,
    .irq = STM32F4_USART1_IRQ,
    .gate = {RCC_APB2ENR, 1u << 4},
    .bus = STM32_APB2,
    .steps_per_clock = 1,
};

const stm32_usart stm32f4_usart2 = {
    .layout = &stm32_usart_sr_dr,
    .base = 0x40004400u,
    .irq = STM32F4_USART2_IRQ,
    .gate = {RCC_APB1ENR, 1u << 17},
    .bus = STM32_APB1,
    .steps_per_clock = 1,
};

const stm32_usart stm32f4_usart3 = {
    .layout = &stm32_usart_sr_dr,
    .base = 0x40004800u,
    .irq = STM32F4_USART3_IRQ,
    .gate = {RCC_APB1ENR, 1u << 18},
    .bus = STM32_APB1,
    .steps_per_clock = 1,
};

/* Greatest clocks: data sheets of the chips. Wait states: RM0090 3.5.1, RM0390 3.4.1, RM0368 3.4.1.
 * APB1 bears 42, 45 and 42 MHz, APB2 84, 90 and 84 MHz. */
const stm32f4_chip stm32f405 = {
    .cpu_hz = 168000000u,
    .pll_p = 2,
    .flash_wait_states = 5,
    .apb1_divider = 4,
    .apb2_divider = 2,
};

const stm32f4_chip stm32f446 = {
    .cpu_hz = 180000000u,
    .pll_p = 2,
    .flash_wait_states = 5,
    .apb1_divider = 4,
    .apb2_divider = 2,
    .over_drive = true,
};

const stm32f4_chip stm32f401 = {
    .cpu_hz = 84000000u,
    .pll_p = 4,
    .flash_wait_states = 2,
    .apb1_divider = 2,
    .apb2_divider = 1,
};
