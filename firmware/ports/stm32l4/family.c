#include "clock.h"
#include "stm32l4.h"

#define RCC_AHB2ENR 0x4002104Cu
#define RCC_APB1ENR1 0x40021058u
#define RCC_APB1ENR2 0x4002105Cu
#define RCC_APB2ENR 0x40021060u
#define RCC_CSR 0x40021094u

const stm32_family stm32_the_family = {
    .gpio_base = 0x48000000u,
    .gpio_gates = RCC_AHB2ENR,
    .timer2 = {RCC_APB1ENR1, 1u << 0},
    .iwdg_base = 0x40003000u,
    .reset_flags =
        {
            .address = RCC_CSR,
            .clear = 1u << 23,
            .watchdog = 1u << 29 | 1u << 30,
            .power_on = 1u << 27, /* and brown-out: the chip does not tell them apart */
            .software = 1u << 28,
            .pin = 1u << 26,
        },
    .start = stm32l4_start_clocks,
};

/* RCC_CCIPR lets both run from the clock of their bus after reset. */
const stm32_usart stm32l4_usart1 = {
    .layout = &stm32_usart_isr_rdr,
    .base = 0x40013800u,
    .irq = STM32L4_USART1_IRQ,
    .gate = {RCC_APB2ENR, 1u << 14},
    .bus = STM32_APB2,
    .steps_per_clock = 1,
};

const stm32_usart stm32l4_lpuart1 = {
    .layout = &stm32_usart_isr_rdr,
    .base = 0x40008000u,
    .irq = STM32L4_LPUART1_IRQ,
    .gate = {RCC_APB1ENR2, 1u << 0},
    .bus = STM32_APB1,
    .steps_per_clock = 256,
};

/* Wait states of range 1: RM0351 3.3.3; RM0432 3.3.3, boost mode. */
const stm32l4_chip stm32l475 = {.cpu_hz = 80000000u, .flash_wait_states = 4};
const stm32l4_chip stm32l4r5 = {.cpu_hz = 120000000u, .flash_wait_states = 5, .boost = true};
