/* Clock tree of STM32H743: oscillator / M * 400 / 2 = 400 MHz, the buses at 200 and 100 MHz
 * (RM0433, chapters PWR and RCC). 400 MHz is what every revision of the chip bears at voltage scale
 * 1; 480 MHz would ask for a revision V and another scale. */
#include "clock.h"

#include "../cortex_m/caches.h"
#include "stm32h7.h"

#define RCC_CR STM32_REGISTER(0x58024400u)
#define RCC_CFGR STM32_REGISTER(0x58024410u)
#define RCC_D1CFGR STM32_REGISTER(0x58024418u)
#define RCC_D2CFGR STM32_REGISTER(0x5802441Cu)
#define RCC_D3CFGR STM32_REGISTER(0x58024420u)
#define RCC_PLLCKSELR STM32_REGISTER(0x58024428u)
#define RCC_PLLCFGR STM32_REGISTER(0x5802442Cu)
#define RCC_PLL1DIVR STM32_REGISTER(0x58024430u)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_HSEBYP (1u << 18)
#define RCC_CR_PLL1ON (1u << 24)
#define RCC_CR_PLL1RDY (1u << 25)
#define RCC_CFGR_SW_PLL1 3u
#define RCC_CFGR_SWS_MASK (7u << 3)
#define RCC_CFGR_SWS_PLL1 (3u << 3)
#define RCC_D1CFGR_HPRE_DIV2_D1PPRE_DIV2 (8u | 4u << 4)
#define RCC_D2CFGR_D2PPRE1_DIV2_D2PPRE2_DIV2 (4u << 4 | 4u << 8)
#define RCC_D3CFGR_D3PPRE_DIV2 (4u << 4)
#define RCC_PLLCKSELR_PLLSRC_MASK 3u
#define RCC_PLLCKSELR_PLLSRC_HSE 2u
#define RCC_PLLCKSELR_DIVM1_MASK (63u << 4)
#define RCC_PLLCFGR_PLL1_MASK 15u               /* input range, oscillator, fraction */
#define RCC_PLLCFGR_PLL1RGE_2_TO_4MHZ (1u << 2) /* with the wide oscillator and no fraction */
#define RCC_PLLCFGR_DIVP1EN (1u << 16)

#define PWR_CSR1 STM32_REGISTER(0x58024804u)
#define PWR_CR3 STM32_REGISTER(0x5802480Cu)
#define PWR_D3CR STM32_REGISTER(0x58024818u)
#define PWR_CSR1_ACTVOSRDY (1u << 13)
#define PWR_CR3_SUPPLY_MASK 7u
#define PWR_CR3_LDOEN (1u << 1)
#define PWR_D3CR_VOSRDY (1u << 13)
#define PWR_D3CR_VOS_SCALE1 (3u << 14)

#define FLASH_ACR STM32_REGISTER(0x52002000u)
#define FLASH_ACR_MASK 0x3Fu
#define FLASH_ACR_200MHZ (2u | 2u << 4) /* wait states and programming delay: RM0433 4.3.8 */

#define HSI_HZ 64000000u
#define PLL_INPUT_HZ 2000000u
#define PLL_N 400u
#define PLL_P 2u
#define PLL_Q 8u /* 100 MHz, for peripherals that the port does not use */
#define PLL_R 2u
#define CPU_HZ 400000000u
_Static_assert(PLL_INPUT_HZ / PLL_P * PLL_N == CPU_HZ, "400 MHz");

/* The chip waits for one write that says how it is supplied, here by its own linear regulator; only
 * then may the voltage scale be raised. */
static bool raise_voltage(void) {
  PWR_CR3 = (PWR_CR3 & ~PWR_CR3_SUPPLY_MASK) | PWR_CR3_LDOEN;
  if (!stm32_becomes(&PWR_CSR1, PWR_CSR1_ACTVOSRDY, PWR_CSR1_ACTVOSRDY)) {
    return false;
  }
  PWR_D3CR |= PWR_D3CR_VOS_SCALE1;
  return stm32_becomes(&PWR_D3CR, PWR_D3CR_VOSRDY, PWR_D3CR_VOSRDY);
}

static bool start_hse(stm32_hse hse) {
  RCC_CR |= hse.bypass ? RCC_CR_HSEBYP : 0u;
  RCC_CR |= RCC_CR_HSEON;
  return stm32_becomes(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY);
}

static bool start_pll1(stm32_hse hse) {
  const bool outside = start_hse(hse);
  const uint32_t divider = (outside ? hse.hz : HSI_HZ) / PLL_INPUT_HZ;
  RCC_PLLCKSELR = (RCC_PLLCKSELR & ~(RCC_PLLCKSELR_PLLSRC_MASK | RCC_PLLCKSELR_DIVM1_MASK)) |
                  divider << 4 | (outside ? RCC_PLLCKSELR_PLLSRC_HSE : 0u);
  RCC_PLLCFGR =
      (RCC_PLLCFGR & ~RCC_PLLCFGR_PLL1_MASK) | RCC_PLLCFGR_PLL1RGE_2_TO_4MHZ | RCC_PLLCFGR_DIVP1EN;
  RCC_PLL1DIVR = (PLL_N - 1u) | (PLL_P - 1u) << 9 | (PLL_Q - 1u) << 16 | (PLL_R - 1u) << 24;
  RCC_CR |= RCC_CR_PLL1ON;
  return stm32_becomes(&RCC_CR, RCC_CR_PLL1RDY, RCC_CR_PLL1RDY);
}

/* The dividers before the speed. The flash begins with more wait states than any speed asks for,
 * and gets the right ones before, too. */
static bool switch_to_pll1(void) {
  RCC_D1CFGR = RCC_D1CFGR_HPRE_DIV2_D1PPRE_DIV2;
  RCC_D2CFGR = RCC_D2CFGR_D2PPRE1_DIV2_D2PPRE2_DIV2;
  RCC_D3CFGR = RCC_D3CFGR_D3PPRE_DIV2;
  FLASH_ACR = FLASH_ACR_200MHZ;
  if (!stm32_becomes(&FLASH_ACR, FLASH_ACR_MASK, FLASH_ACR_200MHZ)) {
    return false;
  }
  RCC_CFGR |= RCC_CFGR_SW_PLL1;
  return stm32_becomes(&RCC_CFGR, RCC_CFGR_SWS_MASK, RCC_CFGR_SWS_PLL1);
}

static void leave_at_internal_oscillator(void) {
  RCC_CFGR = 0;
  RCC_D1CFGR = 0;
  RCC_D2CFGR = 0;
  RCC_D3CFGR = 0;
}

static stm32_clocks start_clocks(void) {
  const stm32_clocks reset = {.cpu_hz = HSI_HZ, .apb1_hz = HSI_HZ, .apb2_hz = HSI_HZ};
  if (!raise_voltage() || !start_pll1(stm32h7_the_hse)) {
    return reset;
  }
  if (!switch_to_pll1()) {
    leave_at_internal_oscillator();
    return reset;
  }
  return (stm32_clocks){.cpu_hz = CPU_HZ, .apb1_hz = CPU_HZ / 4u, .apb2_hz = CPU_HZ / 4u};
}

stm32_clocks stm32h7_start(void) {
  const stm32_clocks clocks = start_clocks();
  cortex_m7_start_caches();
  return clocks;
}
