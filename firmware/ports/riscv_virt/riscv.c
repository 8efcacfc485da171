#include "riscv.h"

#include "../common/restart_note.h"

#define STACK_PAINT 0xC5C5C5C5u
#define MIE_MEIE (1u << 11)
#define MCAUSE_MACHINE_EXTERNAL (1u << 31 | 11u)

/* Start-up writes through these: the compiler would make calls of the C library of its loops. */
typedef volatile uint32_t *ram_words;

/* Room that riscv_start itself may use while it paints below its own frame. */
#define PAINT_MARGIN_WORDS 16

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
  uint32_t *end;
  __asm__ volatile("mv %0, sp" : "=r"(end));
  end -= PAINT_MARGIN_WORDS;
  for (ram_words word = riscv_stack_limit; word < end; word++) {
    *word = STACK_PAINT;
  }
}

void riscv_start(void) {
  __asm__ volatile(RISCV_CSR("csrw mtvec, %0")::"r"(&trap));
  paint_stack();
  const uint32_t *load = riscv_data_load;
  for (ram_words word = riscv_data_start; word < riscv_data_end; word++) {
    *word = *load++;
  }
  for (ram_words word = riscv_bss_start; word < riscv_bss_end; word++) {
    *word = 0;
  }
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
  const uint32_t *word = riscv_stack_limit;
  while (word < riscv_stack_top && *word == STACK_PAINT) {
    word++;
  }
  return (uint32_t)((uintptr_t)riscv_stack_top - (uintptr_t)word);
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
