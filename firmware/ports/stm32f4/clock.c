/* Clock tree of STM32F4: oscillator / M * N / P (RM0090, RM0390, RM0368: chapter RCC). The voltage
 * regulator needs no other step than F446's over-drive: its scale after reset bears the rest. */
#include "clock.h"

#include "stm32f4.h"

#define RCC_CR STM32_REGISTER(0x40023800u)
#define RCC_PLLCFGR STM32_REGISTER(0x40023804u)
#define RCC_CFGR STM32_REGISTER(0x40023808u)
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 1)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_HSEBYP (1u << 18)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PPRE1_SHIFT 10u
#define RCC_CFGR_PPRE2_SHIFT 13u
#define RCC_PLLCFGR_SOURCE_HSE (1u << 22)
#define RCC_PLLCFGR_ABOVE_Q 0xF0000000u /* F446 has a divider R there: it may not be 0 */

#define PWR_GATE ((stm32_gate){0x40023840u, 1u << 28})
#define PWR_CR STM32_REGISTER(0x40007000u)
#define PWR_CSR STM32_REGISTER(0x40007004u)
#define PWR_CR_ODEN (1u << 16)
#define PWR_CR_ODSWEN (1u << 17)
#define PWR_CSR_ODRDY (1u << 16)
#define PWR_CSR_ODSWRDY (1u << 17)

#define FLASH_ACR STM32_REGISTER(0x40023C00u)
#define FLASH_ACR_LATENCY_MASK 7u
#define FLASH_ACR_PREFETCH_AND_CACHES (1u << 8 | 1u << 9 | 1u << 10)

#define HSI_HZ 16000000u
#define PLL_INPUT_HZ 1000000u
#define PLL_Q 8u /* USB and the like, unused here: at most 48 MHz */

/* As after a reset: a boot loader may have left the core on its PLL, which only then may be set. */
static bool begin_at_internal_oscillator(void) {
  RCC_CR |= RCC_CR_HSION;
  if (!(RCC_CR & RCC_CR_HSION)) {
    return false; /* an emulator without this peripheral reads 0: nothing will ever be ready */
  }
  if (!stm32_becomes(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY)) {
    return false;
  }
  RCC_CFGR = 0;
  if (!stm32_becomes(&RCC_CFGR, RCC_CFGR_SWS_MASK, 0)) {
    return false;
  }
  RCC_CR &= ~(RCC_CR_PLLON | RCC_CR_HSEON);
  return stm32_becomes(&RCC_CR, RCC_CR_PLLRDY | RCC_CR_HSERDY, 0);
}

static bool start_hse(stm32_hse hse) {
  RCC_CR = (RCC_CR & ~RCC_CR_HSEBYP) | (hse.bypass ? RCC_CR_HSEBYP : 0u);
  RCC_CR |= RCC_CR_HSEON;
  return stm32_becomes(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY);
}

static bool start_pll(const stm32f4_chip *chip, stm32_hse hse) {
  const bool outside = start_hse(hse);
  const uint32_t source_hz = outside ? hse.hz : HSI_HZ;
  const uint32_t pll_n = chip->cpu_hz / PLL_INPUT_HZ * chip->pll_p;
  RCC_PLLCFGR = (RCC_PLLCFGR & RCC_PLLCFGR_ABOVE_Q) | source_hz / PLL_INPUT_HZ | pll_n << 6 |
                (chip->pll_p / 2u - 1u) << 16 | (outside ? RCC_PLLCFGR_SOURCE_HSE : 0u) |
                PLL_Q << 24;
  RCC_CR |= RCC_CR_PLLON;
  return stm32_becomes(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

/* RM0390 5.1.4: after the PLL is set and before the core runs from it. */
static bool start_over_drive(void) {
  stm32_open(PWR_GATE);
  PWR_CR |= PWR_CR_ODEN;
  if (!stm32_becomes(&PWR_CSR, PWR_CSR_ODRDY, PWR_CSR_ODRDY)) {
    return false;
  }
  PWR_CR |= PWR_CR_ODSWEN;
  return stm32_becomes(&PWR_CSR, PWR_CSR_ODSWRDY, PWR_CSR_ODSWRDY);
}

/* Field of RCC_CFGR: 0xx divides by 1, 100 by 2, 101 by 4. */
static uint32_t divider_field(uint32_t divider) {
  return divider == 1u ? 0u : 3u + divider / 2u;
}

stm32_clocks stm32f4_start_clocks(void) {
  const stm32f4_chip *chip = stm32f4_the_board.chip;
  const stm32_clocks reset = {.cpu_hz = HSI_HZ, .apb1_hz = HSI_HZ, .apb2_hz = HSI_HZ};
  if (!begin_at_internal_oscillator() || !start_pll(chip, stm32f4_the_board.hse) ||
      (chip->over_drive && !start_over_drive())) {
    return reset;
  }
  FLASH_ACR = FLASH_ACR_PREFETCH_AND_CACHES | chip->flash_wait_states;
  if (!stm32_becomes(&FLASH_ACR, FLASH_ACR_LATENCY_MASK, chip->flash_wait_states)) {
    return reset; /* faster than the flash would be worse than slow */
  }
  /* The dividers first: they act up to 16 cycles late, and the buses bear less than the core. */
  RCC_CFGR = divider_field(chip->apb1_divider) << RCC_CFGR_PPRE1_SHIFT |
             divider_field(chip->apb2_divider) << RCC_CFGR_PPRE2_SHIFT;
  RCC_CFGR |= RCC_CFGR_SW_PLL;
  if (!stm32_becomes(&RCC_CFGR, RCC_CFGR_SWS_MASK, RCC_CFGR_SWS_PLL)) {
    RCC_CFGR = 0;
    return reset;
  }
  return (stm32_clocks){
      .cpu_hz = chip->cpu_hz,
      .apb1_hz = chip->cpu_hz / chip->apb1_divider,
      .apb2_hz = chip->cpu_hz / chip->apb2_divider,
  };
}
