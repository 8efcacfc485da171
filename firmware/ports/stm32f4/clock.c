/* Clock tree of STM32F405/407: oscillator / M * 336 / 2 = 168 MHz (RM0090, 6.2 and 7.2). The
 * voltage regulator needs no step: 168 MHz asks for scale 1, which is its state after reset. */
#include <stdbool.h>

#include "stm32f4.h"

#ifndef SOTTO_HSE_HZ
#define SOTTO_HSE_HZ 8000000u /* the crystal of ST's Discovery board */
#endif

#define HSI_HZ 16000000u
#define CPU_HZ 168000000u
#define PLL_INPUT_HZ 1000000u
#define PLL_N 336u
#define PLL_Q 7u /* 48 MHz for USB and the like, unused here */
#define PLL_P 2u
_Static_assert(PLL_INPUT_HZ *PLL_N / PLL_P == CPU_HZ, "168 MHz");
_Static_assert(SOTTO_HSE_HZ % PLL_INPUT_HZ == 0 && SOTTO_HSE_HZ >= 4000000u &&
                   SOTTO_HSE_HZ <= 26000000u,
               "SOTTO_HSE_HZ must be whole megahertz from 4 to 26");

/* Polls of a ready bit, each of 6 cycles or more. A crystal starts within a few milliseconds; this
 * is 18 ms of the 16 MHz oscillator. */
#define READY_POLLS 50000u

static bool becomes(volatile const uint32_t *status, uint32_t mask, uint32_t value) {
  for (uint32_t polls = 0; polls < READY_POLLS; polls++) {
    if ((*status & mask) == value) {
      return true;
    }
  }
  return false;
}

static bool start_pll(void) {
  RCC_CR |= RCC_CR_HSEON;
  if (!(RCC_CR & RCC_CR_HSEON)) {
    return false; /* an emulator without this peripheral reads 0: nothing will ever be ready */
  }
  const bool crystal = becomes(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY);
  const uint32_t source_hz = crystal ? SOTTO_HSE_HZ : HSI_HZ;
  RCC_PLLCFGR = source_hz / PLL_INPUT_HZ | PLL_N << 6 | (PLL_P / 2u - 1u) << 16 |
                (crystal ? RCC_PLLCFGR_SOURCE_HSE : 0u) | PLL_Q << 24;
  RCC_CR |= RCC_CR_PLLON;
  return becomes(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

stm32f4_clocks stm32f4_start_clocks(void) {
  const stm32f4_clocks reset = {.cpu_hz = HSI_HZ, .usart1_hz = HSI_HZ};
  if (!start_pll()) {
    return reset;
  }
  FLASH_ACR = FLASH_ACR_PREFETCH_AND_CACHES | FLASH_ACR_5_WAIT_STATES;
  if (!becomes(&FLASH_ACR, FLASH_ACR_LATENCY_MASK, FLASH_ACR_5_WAIT_STATES)) {
    return reset; /* faster than the flash would be worse than slow */
  }
  /* The dividers first: they act up to 16 cycles late, and the buses bear 42 and 84 MHz. */
  RCC_CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
  RCC_CFGR |= RCC_CFGR_SW_PLL;
  if (!becomes(&RCC_CFGR, RCC_CFGR_SWS_MASK, RCC_CFGR_SWS_PLL)) {
    RCC_CFGR = 0;
    return reset;
  }
  return (stm32f4_clocks){.cpu_hz = CPU_HZ, .usart1_hz = CPU_HZ / 2u};
}
