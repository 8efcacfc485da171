/* What all Cortex-M ports share: start-up, faults, the painted stack, interrupts.
 *
 * A port defines its own vector table in section ".vectors" and hands it to cortex_m_use_vectors.
 */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#include "port.h"

typedef void (*cortex_m_handler)(void);

/* Places of the first 16 vectors; peripheral interrupt n stands at CORTEX_M_VECTOR_IRQ0 + n. */
enum {
  CORTEX_M_VECTOR_STACK = 0,
  CORTEX_M_VECTOR_RESET = 1,
  CORTEX_M_VECTOR_NMI = 2,
  CORTEX_M_VECTOR_HARD_FAULT = 3,
  CORTEX_M_VECTOR_MEMORY_FAULT = 4,
  CORTEX_M_VECTOR_BUS_FAULT = 5,
  CORTEX_M_VECTOR_USAGE_FAULT = 6,
  CORTEX_M_VECTOR_IRQ0 = 16,
};

/* Puts a port's vector table where the linker script wants it: first in flash. */
#define CORTEX_M_VECTOR_TABLE __attribute__((section(".vectors"), used))

/* The core's own entries, for a port's vector table, with what the board's NMI is. Every fault
 * restarts the board: one that hangs would look to the host like a broken cable. */
#define CORTEX_M_CORE_VECTORS_WITH_NMI(nmi)                                                       \
  [CORTEX_M_VECTOR_STACK] = (cortex_m_handler)(uintptr_t)cortex_m_stack_top,                      \
  [CORTEX_M_VECTOR_RESET] = cortex_m_reset, [CORTEX_M_VECTOR_NMI] = (nmi),                        \
  [CORTEX_M_VECTOR_HARD_FAULT] = cortex_m_fault, [CORTEX_M_VECTOR_MEMORY_FAULT] = cortex_m_fault, \
  [CORTEX_M_VECTOR_BUS_FAULT] = cortex_m_fault, [CORTEX_M_VECTOR_USAGE_FAULT] = cortex_m_fault
#define CORTEX_M_CORE_VECTORS CORTEX_M_CORE_VECTORS_WITH_NMI(cortex_m_fault)

/* Addresses that the linker script (sections.ld) defines; only the addresses have a meaning. The
 * stack is the lowest RAM, so an overflow leaves RAM and faults instead of eating variables. */
extern uint32_t cortex_m_stack_limit[];
extern uint32_t cortex_m_stack_top[];
extern uint32_t cortex_m_data_load[];
extern uint32_t cortex_m_data_start[];
extern uint32_t cortex_m_data_end[];
extern uint32_t cortex_m_bss_start[];
extern uint32_t cortex_m_bss_end[];

int main(void);

/* Reset vector: enables the FPU, fills .data, clears .bss, paints the stack, calls main. */
__attribute__((noreturn)) void cortex_m_reset(void);

/* Restarts the board through the system control block. */
__attribute__((noreturn)) void cortex_m_restart(void);

/* Handler of every fault: restarts, and the next start knows why. */
__attribute__((noreturn)) void cortex_m_fault(void);

/* Handler of a watchdog's interrupt: restarts, and the next start knows why. */
__attribute__((noreturn)) void cortex_m_watchdog(void);

/* Tells the core where the vector table is, for boards whose boot loader left it elsewhere. */
void cortex_m_use_vectors(const cortex_m_handler *vectors);

/* Lets peripheral interrupt `irq` through the NVIC. */
void cortex_m_enable_irq(uint32_t irq);

/* Greatest depth that the stack has reached since reset. */
uint32_t cortex_m_stack_peak_bytes(void);

/* Room that the linker script gives it. */
uint32_t cortex_m_stack_bytes(void);

/* Why the core started last, as far as the software knows: a pin and a watchdog leave no note. A
 * port whose chip has a register for that asks it first. */
sotto_reset_cause cortex_m_reset_cause(void);

/* Starts since power came on, the first one not counted. */
uint32_t cortex_m_restarts(void);

static inline void cortex_m_disable_interrupts(void) {
  __asm__ volatile("cpsid i" ::: "memory");
}

static inline void cortex_m_enable_interrupts(void) {
  __asm__ volatile("cpsie i" ::: "memory");
}

/* Sleeps until an interrupt is pending, at most for CORTEX_M_DOZE_CYCLES of the core's clock: a
 * watchdog must be fed in time. Interrupts are disabled, and stay so. */
#define CORTEX_M_DOZE_CYCLES 0x1000000u
void cortex_m_doze(void);

#endif
