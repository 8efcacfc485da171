/* Caches of a Cortex-M7 (Arm DDI 0489). */
#ifndef CORTEX_M_CACHES_H
#define CORTEX_M_CACHES_H

/* Empties and starts both caches. Before, memory where nothing is fitted on a microcontroller
 * board, 0x60000000 to 0xDFFFFFFF, is closed: the core would read ahead there. */
void cortex_m7_start_caches(void);

#endif
