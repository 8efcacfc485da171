/* Clock tree of STM32L4: HSI16 / M * N / R (RM0351 and RM0432: chapters PWR and RCC). The regulator
 * is in range 1 after reset. */
#include "clock.h"

#include "stm32l4.h"

#define RCC_CR STM32_REGISTER(0x40021000u)
#define RCC_CFGR STM32_REGISTER(0x40021008u)
#define RCC_PLLCFGR STM32_REGISTER(0x4002100Cu)
#define RCC_CR_MSIRGSEL (1u << 3)
#define RCC_CR_MSIRANGE_MASK (15u << 4)
#define RCC_CR_MSIRANGE_16MHZ (8u << 4)
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR_SW_PLL 3u
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_SWS_PLL (3u << 2)
#define RCC_CFGR_HPRE_DIV2 (8u << 4)
#define RCC_PLLCFGR_SOURCE_HSI16 2u
#define RCC_PLLCFGR_REN (1u << 24)

#define PWR_GATE ((stm32_gate){0x40021058u, 1u << 28})
#define PWR_CR2 STM32_REGISTER(0x40007004u)
#define PWR_CR5 STM32_REGISTER(0x40007080u)
#define PWR_CR2_IOSV (1u << 9)
#define PWR_CR5_R1MODE (1u << 8)

#define FLASH_ACR STM32_REGISTER(0x40022000u)
#define FLASH_ACR_LATENCY_MASK 7u
#define FLASH_ACR_PREFETCH_AND_CACHES (1u << 8 | 1u << 9 | 1u << 10)

#define HSI16_HZ 16000000u
#define MSI_HZ 16000000u /* the 4 MHz of reset are too slow for the serial line */
#define PLL_M 4u
#define PLL_R 2u
_Static_assert(HSI16_HZ / PLL_M == 4000000u, "the PLL's input bears 4 to 16 MHz");

/* Reads of a register, of a cycle or more each: a microsecond or more at half of 120 MHz. */
#define BOOST_SETTLE_READS 60u

/* The core runs from it, so it is ready, as a change asks for. */
static void speed_up_msi(void) {
  RCC_CR = (RCC_CR & ~RCC_CR_MSIRANGE_MASK) | RCC_CR_MSIRANGE_16MHZ | RCC_CR_MSIRGSEL;
}

static bool start_pll(const stm32l4_chip *chip) {
  RCC_CR |= RCC_CR_HSION;
  if (!stm32_becomes(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY)) {
    return false;
  }
  const uint32_t pll_n = chip->cpu_hz / (HSI16_HZ / PLL_M) * PLL_R;
  RCC_PLLCFGR = RCC_PLLCFGR_SOURCE_HSI16 | (PLL_M - 1u) << 4 | pll_n << 8 |
                (PLL_R / 2u - 1u) << 25 | RCC_PLLCFGR_REN;
  RCC_CR |= RCC_CR_PLLON;
  return stm32_becomes(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

static void settle(void) {
  for (uint32_t reads = 0; reads < BOOST_SETTLE_READS; reads++) {
    (void)RCC_CFGR;
  }
}

/* Boost mode wants the core to stop over at half of its speed (RM0432, 5.1.8). */
static bool switch_to_pll(bool boost) {
  RCC_CFGR = boost ? RCC_CFGR_HPRE_DIV2 : 0u;
  RCC_CFGR |= RCC_CFGR_SW_PLL;
  if (!stm32_becomes(&RCC_CFGR, RCC_CFGR_SWS_MASK, RCC_CFGR_SWS_PLL)) {
    RCC_CFGR = 0;
    return false;
  }
  if (boost) {
    settle();
    RCC_CFGR = RCC_CFGR_SW_PLL;
  }
  return true;
}

stm32_clocks stm32l4_start_clocks(void) {
  const stm32l4_chip *chip = stm32l4_the_board.chip;
  const stm32_clocks slow = {.cpu_hz = MSI_HZ, .apb1_hz = MSI_HZ, .apb2_hz = MSI_HZ};
  stm32_open(PWR_GATE);
  if (stm32l4_the_board.vddio2) {
    PWR_CR2 |= PWR_CR2_IOSV;
  }
  if (chip->boost) {
    PWR_CR5 &= ~PWR_CR5_R1MODE;
  }
  speed_up_msi();
  if (!start_pll(chip)) {
    return slow;
  }
  FLASH_ACR = FLASH_ACR_PREFETCH_AND_CACHES | chip->flash_wait_states;
  if (!stm32_becomes(&FLASH_ACR, FLASH_ACR_LATENCY_MASK, chip->flash_wait_states) ||
      !switch_to_pll(chip->boost)) {
    return slow;
  }
  return (stm32_clocks){
      .cpu_hz = chip->cpu_hz,
      .apb1_hz = chip->cpu_hz,
      .apb2_hz = chip->cpu_hz,
  };
}
