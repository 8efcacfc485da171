/* Start-up, faults and interrupts of Armv7-M and Armv8.1-M (Arm DDI 0403E and DDI 0553B; register
 * names as there). */
#include "cortex_m.h"

#include "../common/restart_note.h"
#include "../common/start_up.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define NVIC_ISER(n) REGISTER(0xE000E100u + 4u * (n))
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define SCB_ICSR REGISTER(0xE000ED04u)
#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_CPACR REGISTER(0xE000ED88u)

#define SYST_CSR_COUNT_CYCLES_AND_INTERRUPT 7u
#define ICSR_PENDSTCLR (1u << 25)
#define AIRCR_KEY_AND_SYSRESETREQ (0x05FA0000u | 1u << 2)
#define CPACR_FPU_FULL_ACCESS (0xFu << 20) /* vectors too; ignored by cores without an FPU */
#define CCR_LOOPS_AND_BRANCHES (3u << 18)  /* LOB, BP: Armv8.1-M's loop and branch caches */

RESTART_NOTE_SECTION static restart_note note;

static void paint_stack(void) {
  uint32_t *stack_pointer;
  __asm__ volatile("mov %0, sp" : "=r"(stack_pointer));
  start_up_paint_stack(cortex_m_stack_limit, stack_pointer);
}

void cortex_m_reset(void) {
  SCB_CPACR |= CPACR_FPU_FULL_ACCESS; /* first: compiled code may use FPU registers anywhere */
  SCB_CCR |= CCR_LOOPS_AND_BRANCHES;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  paint_stack();
  start_up_fill_data(cortex_m_data_load, cortex_m_data_start, cortex_m_data_end);
  start_up_clear_bss(cortex_m_bss_start, cortex_m_bss_end);
  restart_note_begin(&note);
  (void)main();
  cortex_m_restart();
}

/* Inlined: after an overflow of the stack a fault handler has none, not even for a call. */
__attribute__((noreturn, always_inline)) static inline void request_reset(void) {
  __asm__ volatile("dsb" ::: "memory");
  SCB_AIRCR = AIRCR_KEY_AND_SYSRESETREQ;
  for (;;) { /* the request takes effect within a few cycles */
  }
}

void cortex_m_fault(void) {
  note.next_cause = SOTTO_RESET_FAULT;
  request_reset();
}

void cortex_m_watchdog(void) {
  note.next_cause = SOTTO_RESET_WATCHDOG;
  request_reset();
}

void cortex_m_restart(void) {
  note.next_cause = SOTTO_RESET_SOFTWARE;
  request_reset();
}

void cortex_m_use_vectors(const cortex_m_handler *vectors) {
  SCB_VTOR = (uint32_t)(uintptr_t)vectors;
  __asm__ volatile("dsb" ::: "memory");
}

void cortex_m_enable_irq(uint32_t irq) {
  NVIC_ISER(irq / 32u) = 1u << (irq % 32u);
}

/* SysTick wakes the core and never interrupts it, so that it costs what is measured nothing. */
void cortex_m_doze(void) {
  SYST_RVR = CORTEX_M_DOZE_CYCLES - 1u;
  SYST_CVR = 0;
  SYST_CSR = SYST_CSR_COUNT_CYCLES_AND_INTERRUPT;
  __asm__ volatile("dsb\n\twfi" ::: "memory");
  SYST_CSR = 0;
  SCB_ICSR = ICSR_PENDSTCLR;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}

uint32_t cortex_m_stack_peak_bytes(void) {
  return start_up_stack_peak_bytes(cortex_m_stack_limit, cortex_m_stack_top);
}

uint32_t cortex_m_stack_bytes(void) {
  return (uint32_t)((uintptr_t)cortex_m_stack_top - (uintptr_t)cortex_m_stack_limit);
}

sotto_reset_cause cortex_m_reset_cause(void) {
  return (sotto_reset_cause)note.cause;
}

uint32_t cortex_m_restarts(void) {
  return note.restarts;
}
