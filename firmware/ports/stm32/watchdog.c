/* The independent watchdog, the same in all families (RM0090 chapter 21, RM0351 chapter 36, RM0433
 * chapter 46), and the flags of the last reset. */
#include "stm32.h"

#define IWDG(offset) STM32_REGISTER(stm32_the_family.iwdg_base + (offset))
#define IWDG_KR IWDG(0x00u)
#define IWDG_PR IWDG(0x04u)
#define IWDG_RLR IWDG(0x08u)
#define KEY_START 0xCCCCu
#define KEY_UNLOCK 0x5555u
#define KEY_RELOAD 0xAAAAu
#define PR_DIVIDE_BY_64 4u

/* Of its oscillator, which may run at 17 to 47 kHz (data sheet of STM32F405): SOTTO_WATCHDOG_MS may
 * be as little as two thirds of what it says. */
#define LSI_HZ 32000u
#define RELOAD (LSI_HZ / 64u * SOTTO_WATCHDOG_MS / 1000u - 1u)
_Static_assert(RELOAD <= 0xFFFu, "the counter has 12 bits: 8192 ms at most");

/* The new values need some of its clocks to arrive. It counts from its greatest meanwhile, and the
 * next reload takes them. */
static void start(void) {
  IWDG_KR = KEY_START;
  IWDG_KR = KEY_UNLOCK;
  IWDG_PR = PR_DIVIDE_BY_64;
  IWDG_RLR = RELOAD;
}

void stm32_watchdog_feed(void) {
  static bool runs;
  if (!runs) {
    start();
    runs = true;
  }
  IWDG_KR = KEY_RELOAD;
}

sotto_reset_cause stm32_take_reset_cause(void) {
  const stm32_reset_flags *of = &stm32_the_family.reset_flags;
  const uint32_t flags = STM32_REGISTER(of->address);
  const sotto_reset_cause noted = cortex_m_reset_cause();
  STM32_REGISTER(of->address) |= of->clear;
  if (flags & of->watchdog) return SOTTO_RESET_WATCHDOG;
  if (flags & of->power_on) return SOTTO_RESET_POWER_ON;
  if (flags & of->brown_out) return SOTTO_RESET_BROWN_OUT;
  if (noted != SOTTO_RESET_UNKNOWN) return noted;
  if (flags & of->software) return SOTTO_RESET_SOFTWARE;
  return flags & of->pin ? SOTTO_RESET_PIN : SOTTO_RESET_UNKNOWN;
}
