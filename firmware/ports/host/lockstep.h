/* A serial line whose other end owns the clock, for simulations: nothing here waits for time.
 *
 * The other end writes a step to the standard input: a count (u32, of this computer's byte order)
 * and so many bytes, which the line brings at once. The firmware does all that it has to do and
 * answers on the standard output: pieces that it sent, each as a count and its bytes, then a count
 * of 0. LOCKSTEP_RESET in place of a count is the board's reset pin; its answer is a count of 0.
 * The process ends with its standard input.
 */
#ifndef LOCKSTEP_H
#define LOCKSTEP_H

#include <stddef.h>
#include <stdint.h>

#define LOCKSTEP_RESET 0xFFFFFFFFu

/* As the functions of the same names in sotto_port. */
size_t lockstep_read(uint8_t *data, size_t capacity_bytes);
void lockstep_write(const uint8_t *data, size_t length_bytes);
void lockstep_idle(void);

/* Answers the step that is under way, if any, and forgets what of it was not read: to be called
 * before the program starts afresh. */
void lockstep_finish(void);

#endif
