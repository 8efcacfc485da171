/* What one start leaves for the next, in RAM that start-up does not touch (section .noinit). */
#ifndef RESTART_NOTE_H
#define RESTART_NOTE_H

#include <stdint.h>

#include "port.h"

/* Stands in the note of a board that has kept its power. */
#define RESTART_NOTE_VALID 0x50774E6Fu

#define RESTART_NOTE_SECTION __attribute__((section(".noinit")))

typedef struct restart_note {
  uint32_t valid;
  uint32_t next_cause; /* sotto_reset_cause, written just before a restart */
  uint32_t cause;      /* of this start */
  uint32_t restarts;   /* since power came on */
} restart_note;

/* Called once, at a start. A cause that nobody wrote down (a pin, a watchdog) is unknown here. */
static inline void restart_note_begin(restart_note *note) {
  if (note->valid == RESTART_NOTE_VALID) {
    note->cause = note->next_cause;
    note->restarts++;
  } else {
    note->valid = RESTART_NOTE_VALID;
    note->cause = SOTTO_RESET_POWER_ON;
    note->restarts = 0;
  }
  note->next_cause = SOTTO_RESET_UNKNOWN;
}

#endif
