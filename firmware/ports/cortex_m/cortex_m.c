/* Start-up and core peripherals of Armv7-M (Arm DDI 0403E; register names as there). */
#include "cortex_m.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define NVIC_ISER(n) REGISTER(0xE000E100u + 4u * (n))
#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_CPACR REGISTER(0xE000ED88u)
#define DEMCR REGISTER(0xE000EDFCu)

#define AIRCR_KEY_AND_SYSRESETREQ (0x05FA0000u | 1u << 2)
#define CPACR_FPU_FULL_ACCESS (0xFu << 20) /* ignored by cores without an FPU */
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL_CYCCNTENA 1u

#define STACK_PAINT 0xC5C5C5C5u

/* Room that the reset handler itself may use while it paints below its own frame. */
#define PAINT_MARGIN_WORDS 16

static void paint_stack(void) {
  uint32_t *end;
  __asm__ volatile("mov %0, sp" : "=r"(end));
  end -= PAINT_MARGIN_WORDS;
  for (uint32_t *word = cortex_m_stack_limit; word < end; word++) {
    *word = STACK_PAINT;
  }
}

void cortex_m_reset(void) {
  SCB_CPACR |= CPACR_FPU_FULL_ACCESS; /* first: compiled code may use FPU registers anywhere */
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  paint_stack();
  const uint32_t *load = cortex_m_data_load;
  for (uint32_t *word = cortex_m_data_start; word < cortex_m_data_end; word++) {
    *word = *load++;
  }
  for (uint32_t *word = cortex_m_bss_start; word < cortex_m_bss_end; word++) {
    *word = 0;
  }
  (void)main();
  cortex_m_restart();
}

void cortex_m_restart(void) {
  __asm__ volatile("dsb" ::: "memory");
  SCB_AIRCR = AIRCR_KEY_AND_SYSRESETREQ;
  for (;;) { /* the request takes effect within a few cycles */
  }
}

void cortex_m_use_vectors(const cortex_m_handler *vectors) {
  SCB_VTOR = (uint32_t)(uintptr_t)vectors;
  __asm__ volatile("dsb" ::: "memory");
}

void cortex_m_enable_irq(uint32_t irq) {
  NVIC_ISER(irq / 32u) = 1u << (irq % 32u);
}

uint32_t cortex_m_stack_peak_bytes(void) {
  const uint32_t *word = cortex_m_stack_limit;
  while (word < cortex_m_stack_top && *word == STACK_PAINT) {
    word++;
  }
  return (uint32_t)((uintptr_t)cortex_m_stack_top - (uintptr_t)word);
}

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

bool cortex_m_start_cycle_counter(void) {
  DEMCR |= DEMCR_TRCENA;
  DWT_CTRL |= DWT_CTRL_CYCCNTENA;
  const uint32_t start = DWT_CYCCNT;
  spin_nops(10);
  return DWT_CYCCNT != start;
}

uint32_t cortex_m_cycles(void) {
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

bool cortex_m_ticks_count_instructions(uint32_t (*ticks)(void), uint32_t instructions_per_tick) {
  for (uint32_t expected_ticks = 100; expected_ticks <= 400; expected_ticks *= 2) {
    const uint32_t instructions = expected_ticks * instructions_per_tick;
    if (!spin_takes(spin_branches, instructions / 2, expected_ticks, ticks) ||
        !spin_takes(spin_nops, instructions / 10, expected_ticks, ticks)) {
      return false;
    }
  }
  return true;
}
