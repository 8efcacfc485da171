#include "xtensa.h"

#include "../common/restart_note.h"
#include "../common/start_up.h"

#define EXCCAUSE_LEVEL1_INTERRUPT 4u

RESTART_NOTE_SECTION static restart_note note;

/* The vectors, by their offsets in bytes, and the first instructions. An interrupt keeps in its
 * frame what the compiler's code may change: a0, a2 to a11 and the shift amount. */
__asm__(
    ".section .reset, \"ax\"\n"
    ".balign 256\n"
    "xtensa_vectors:\n"
    ".org xtensa_vectors + 0x10\n\tj fault\n" /* debugging */
    ".org xtensa_vectors + 0x20\n\tj fault\n" /* not maskable */
    ".org xtensa_vectors + 0x30\n\tj level1\n"
    ".org xtensa_vectors + 0x50\n\tj level1\n" /* in user mode */
    ".org xtensa_vectors + 0x70\n\tj fault\n"  /* in another one */
    ".literal_position\n"
    ".global xtensa_reset\n"
    "xtensa_reset:\n"
    "\tmovi a2, xtensa_vectors\n"
    "\twsr.vecbase a2\n"
    "\tmovi a2, 0x2f\n" /* user mode, interrupts masked, no exception on its way */
    "\twsr.ps a2\n"
    "\trsync\n"
    "\tmovi a1, xtensa_stack_top\n"
    "\tcall0 xtensa_start\n"
    "fault:\n"
    "\tmovi a1, xtensa_stack_top\n"
    "\tcall0 xtensa_fault\n"
    "level1:\n"
    "\taddi a1, a1, -48\n"
    "\ts32i a0, a1, 0\n\ts32i a2, a1, 4\n\ts32i a3, a1, 8\n\ts32i a4, a1, 12\n"
    "\ts32i a5, a1, 16\n\ts32i a6, a1, 20\n\ts32i a7, a1, 24\n\ts32i a8, a1, 28\n"
    "\ts32i a9, a1, 32\n\ts32i a10, a1, 36\n\ts32i a11, a1, 40\n"
    "\trsr.sar a2\n\ts32i a2, a1, 44\n"
    "\tcall0 xtensa_exception\n"
    "\tl32i a2, a1, 44\n\twsr.sar a2\n"
    "\tl32i a0, a1, 0\n\tl32i a2, a1, 4\n\tl32i a3, a1, 8\n\tl32i a4, a1, 12\n"
    "\tl32i a5, a1, 16\n\tl32i a6, a1, 20\n\tl32i a7, a1, 24\n\tl32i a8, a1, 28\n"
    "\tl32i a9, a1, 32\n\tl32i a10, a1, 36\n\tl32i a11, a1, 40\n"
    "\taddi a1, a1, 48\n"
    "\trfe\n"
    ".text\n");

void xtensa_exception(void) {
  uint32_t cause;
  __asm__ volatile("rsr.exccause %0" : "=r"(cause));
  if (cause != EXCCAUSE_LEVEL1_INTERRUPT) xtensa_fault();
  xtensa_interrupt();
}

static void paint_stack(void) {
  uint32_t *stack_pointer;
  __asm__ volatile("mov %0, a1" : "=r"(stack_pointer));
  start_up_paint_stack(xtensa_stack_limit, stack_pointer);
}

void xtensa_start(void) {
  paint_stack();
  start_up_fill_data(xtensa_data_load, xtensa_data_start, xtensa_data_end);
  start_up_clear_bss(xtensa_bss_start, xtensa_bss_end);
  restart_note_begin(&note);
  (void)main();
  xtensa_restart();
}

void xtensa_fault(void) {
  note.next_cause = SOTTO_RESET_FAULT;
  xtensa_restart_machine();
}

void xtensa_restart(void) {
  note.next_cause = SOTTO_RESET_SOFTWARE;
  xtensa_restart_machine();
}

void xtensa_enable_interrupts_of(uint32_t mask) {
  __asm__ volatile("wsr.intenable %0\n\trsync" ::"r"(mask));
  xtensa_unmask_interrupts();
}

uint32_t xtensa_stack_peak_bytes(void) {
  return start_up_stack_peak_bytes(xtensa_stack_limit, xtensa_stack_top);
}

uint32_t xtensa_stack_bytes(void) {
  return (uint32_t)((uintptr_t)xtensa_stack_top - (uintptr_t)xtensa_stack_limit);
}

sotto_reset_cause xtensa_reset_cause(void) {
  return (sotto_reset_cause)note.cause;
}

uint32_t xtensa_restarts(void) {
  return note.restarts;
}
