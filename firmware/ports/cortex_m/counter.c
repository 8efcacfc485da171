#include "counter.h"

#include <stdbool.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Data watchpoint and trace unit (Arm DDI 0403E, C1.8); DEMCR lets it run. */
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define DEMCR REGISTER(0xE000EDFCu)
#define DWT_LAR REGISTER(0xE0001FB0u) /* a Cortex-M7 has a lock there, the others have nothing */
#define DWT_LAR_UNLOCK 0xC5ACCE55u
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL_CYCCNTENA 1u

/* 2 instructions an iteration, one of them a taken branch. */
static void spin_branches(uint32_t iterations) {
  __asm__ volatile("1: subs %0, #1\n\tbne 1b" : "+r"(iterations) : : "cc");
}

/* 10 instructions an iteration, 8 of them without effect. */
static void spin_nops(uint32_t iterations) {
  __asm__ volatile(
      "1: nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
      "subs %0, #1\n\tbne 1b"
      : "+r"(iterations)
      :
      : "cc");
}

/* False when it does not count: some cores, and emulators. */
static bool start_cycle_counter(void) {
  DEMCR |= DEMCR_TRCENA;
  DWT_LAR = DWT_LAR_UNLOCK;
  DWT_CTRL |= DWT_CTRL_CYCCNTENA;
  const uint32_t start = DWT_CYCCNT;
  spin_nops(10);
  return DWT_CYCCNT != start;
}

static uint32_t cycles(void) {
  return DWT_CYCCNT;
}

/* One copy for all callers: then what surrounds the spin costs the same each time. */
__attribute__((noinline, noclone)) static uint32_t ticks_of(void (*spin)(uint32_t),
                                                            uint32_t iterations,
                                                            uint32_t (*ticks)(void)) {
  const uint32_t start = ticks();
  spin(iterations);
  return ticks() - start;
}

/* Whether `more` further iterations take expected_ticks further ticks, give or take one. The
 * difference of two runs cancels what the calls and the counter reads themselves cost. */
static bool spin_takes(void (*spin)(uint32_t), uint32_t more, uint32_t expected_ticks,
                       uint32_t (*ticks)(void)) {
  const uint32_t base = ticks_of(spin, 1, ticks);
  const uint32_t longer = ticks_of(spin, 1 + more, ticks);
  const int32_t error = (int32_t)(longer - base - expected_ticks);
  return error >= -1 && error <= 1;
}

/* True when `ticks` advances at exactly `rate`, whatever the instructions are. That holds only on
 * an emulator that counts instructions; silicon takes a branch more slowly than a nop, and an
 * emulator on host time jitters. The instructions are multiples of 10 for rates of 1, 2 or 4 ticks.
 */
static bool counts_instructions(uint32_t (*ticks)(void), counter_rate rate) {
  for (uint32_t expected_ticks = 160; expected_ticks <= 640; expected_ticks *= 2) {
    const uint32_t instructions = expected_ticks / rate.ticks * rate.instructions;
    if (!spin_takes(spin_branches, instructions / 2, expected_ticks, ticks) ||
        !spin_takes(spin_nops, instructions / 10, expected_ticks, ticks)) {
      return false;
    }
  }
  return true;
}

counter counter_choose(uint32_t (*timer)(void), counter_rate rate, uint32_t (*instructions)(void)) {
  if (start_cycle_counter()) {
    return (counter){cycles, "cycles"};
  }
  if (counts_instructions(timer, rate)) {
    return (counter){instructions, "instructions"};
  }
  return (counter){timer, "timer ticks"};
}
