/* Start-up and interrupts of a RISC-V core in machine mode ("The RISC-V Instruction Set Manual",
 * volume II; register names as there). */
#ifndef RISCV_H
#define RISCV_H

#include <stdint.h>

#include "port.h"

/* Addresses that the linker script defines; only the addresses have a meaning. The stack is the
 * lowest RAM, so an overflow leaves RAM instead of eating variables. */
extern uint32_t riscv_stack_limit[];
extern uint32_t riscv_stack_top[];
extern uint32_t riscv_data_load[];
extern uint32_t riscv_data_start[];
extern uint32_t riscv_data_end[];
extern uint32_t riscv_bss_start[];
extern uint32_t riscv_bss_end[];

int main(void);

/* First instruction: sets the stack, then calls riscv_start. */
__attribute__((noreturn)) void riscv_reset(void);

/* Fills .data, clears .bss, paints the stack, calls main. */
__attribute__((noreturn)) void riscv_start(void);

/* What the port does: a machine external interrupt, and a restart. */
void riscv_external_interrupt(void);
__attribute__((noreturn)) void riscv_restart_machine(void);

/* Restarts; every fault does, too, and the next start knows why. */
__attribute__((noreturn)) void riscv_restart(void);

/* Lets machine external interrupts through. */
void riscv_enable_external_interrupt(void);

/* Greatest depth that the stack has reached since reset. */
uint32_t riscv_stack_peak_bytes(void);

/* Room that the linker script gives it. */
uint32_t riscv_stack_bytes(void);

/* Why the core started last, as far as the software knows. */
sotto_reset_cause riscv_reset_cause(void);

/* Starts since power came on, the first one not counted. */
uint32_t riscv_restarts(void);

#define RISCV_MSTATUS_MIE "8"

/* Registers of control and status are an extension of their own since 2019, which compilers then
 * want to be named; the C libraries are those without. */
#define RISCV_CSR(instruction) \
  ".option push\n\t.option arch, +zicsr\n\t" instruction "\n\t.option pop"

static inline void riscv_disable_interrupts(void) {
  __asm__ volatile(RISCV_CSR("csrci mstatus, " RISCV_MSTATUS_MIE)::: "memory");
}

static inline void riscv_enable_interrupts(void) {
  __asm__ volatile(RISCV_CSR("csrsi mstatus, " RISCV_MSTATUS_MIE)::: "memory");
}

/* Sleeps until an interrupt is pending, also one that is masked by riscv_disable_interrupts. */
static inline void riscv_wait_for_interrupt(void) {
  __asm__ volatile("wfi" ::: "memory");
}

/* Lower half of the retired instructions. */
static inline uint32_t riscv_instructions(void) {
  uint32_t count;
  __asm__ volatile(RISCV_CSR("csrr %0, minstret") : "=r"(count));
  return count;
}

#endif
