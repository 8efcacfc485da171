/* Start-up and interrupts of an Xtensa core without windowed registers ("Xtensa Instruction Set
 * Architecture Reference Manual"; register names as there; offsets of vectors as LX106 has them).
 */
#ifndef XTENSA_H
#define XTENSA_H

#include <stdint.h>

#include "port.h"

/* Addresses that the linker script defines; only the addresses have a meaning. The stack is the
 * lowest RAM, so an overflow leaves RAM instead of eating variables. */
extern uint32_t xtensa_stack_limit[];
extern uint32_t xtensa_stack_top[];
extern uint32_t xtensa_data_load[];
extern uint32_t xtensa_data_start[];
extern uint32_t xtensa_data_end[];
extern uint32_t xtensa_bss_start[];
extern uint32_t xtensa_bss_end[];

int main(void);

/* First instruction: sets stack, vectors and processor state, then calls xtensa_start. */
__attribute__((noreturn)) void xtensa_reset(void);

/* Fills .data, clears .bss, paints the stack, calls main. */
__attribute__((noreturn)) void xtensa_start(void);

/* What the vectors call, interrupts masked: an interrupt of level 1 or a fault. */
void xtensa_exception(void);

/* What the port does: an interrupt of level 1, and a restart. */
void xtensa_interrupt(void);
__attribute__((noreturn)) void xtensa_restart_machine(void);

/* Restarts, on purpose or from a fault; the next start knows which. */
__attribute__((noreturn)) void xtensa_restart(void);
__attribute__((noreturn)) void xtensa_fault(void);

/* Lets interrupts through whose bits are set in `mask`, and no others. */
void xtensa_enable_interrupts_of(uint32_t mask);

/* Greatest depth that the stack has reached since reset. */
uint32_t xtensa_stack_peak_bytes(void);

/* Room that the linker script gives it. */
uint32_t xtensa_stack_bytes(void);

/* Why the core started last, as far as the software knows. */
sotto_reset_cause xtensa_reset_cause(void);

/* Starts since power came on, the first one not counted. */
uint32_t xtensa_restarts(void);

static inline void xtensa_mask_interrupts(void) {
  uint32_t before;
  __asm__ volatile("rsil %0, 15" : "=r"(before)::"memory");
}

static inline void xtensa_unmask_interrupts(void) {
  uint32_t before;
  __asm__ volatile("rsil %0, 0" : "=r"(before)::"memory");
}

/* Unmasks interrupts and sleeps until one comes, in one step. */
static inline void xtensa_unmask_and_wait(void) {
  __asm__ volatile("waiti 0" ::: "memory");
}

static inline uint32_t xtensa_cycle_count(void) {
  uint32_t count;
  __asm__ volatile("rsr.ccount %0" : "=r"(count));
  return count;
}

#endif
