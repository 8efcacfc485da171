#include "riscv.h"

#include "../common/restart_note.h"
#include "../common/start_up.h"

#define MIE_MEIE (1u << 11)
#define MCAUSE_MACHINE_EXTERNAL (1u << 31 | 11u)

RESTART_NOTE_SECTION static restart_note note;

__attribute__((naked, section(".reset"))) void riscv_reset(void) {
  __asm__ volatile(
      "la sp, riscv_stack_top\n"
      "j riscv_start\n");
}

__attribute__((interrupt("machine"), aligned(4))) static void trap(void) {
  uint32_t cause;
  __asm__ volatile(RISCV_CSR("csrr %0, mcause") : "=r"(cause));
  if (cause != MCAUSE_MACHINE_EXTERNAL) {
    note.next_cause = SOTTO_RESET_FAULT;
    riscv_restart_machine();
  }
  riscv_external_interrupt();
}

static void paint_stack(void) {
  uint32_t *stack_pointer;
  __asm__ volatile("mv %0, sp" : "=r"(stack_pointer));
  start_up_paint_stack(riscv_stack_limit, stack_pointer);
}

void riscv_start(void) {
  __asm__ volatile(RISCV_CSR("csrw mtvec, %0")::"r"(&trap));
  paint_stack();
  start_up_fill_data(riscv_data_load, riscv_data_start, riscv_data_end);
  start_up_clear_bss(riscv_bss_start, riscv_bss_end);
  restart_note_begin(&note);
  (void)main();
  riscv_restart();
}

void riscv_restart(void) {
  note.next_cause = SOTTO_RESET_SOFTWARE;
  riscv_restart_machine();
}

void riscv_enable_external_interrupt(void) {
  __asm__ volatile(RISCV_CSR("csrs mie, %0")::"r"(MIE_MEIE));
  riscv_enable_interrupts();
}

uint32_t riscv_stack_peak_bytes(void) {
  return start_up_stack_peak_bytes(riscv_stack_limit, riscv_stack_top);
}

uint32_t riscv_stack_bytes(void) {
  return (uint32_t)((uintptr_t)riscv_stack_top - (uintptr_t)riscv_stack_limit);
}

sotto_reset_cause riscv_reset_cause(void) {
  return (sotto_reset_cause)note.cause;
}

uint32_t riscv_restarts(void) {
  return note.restarts;
}
