/* What the bench programs share: their input, and the line that they say. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "port.h"

/* The next byte of a fixed sequence; `state` begins as 1. The host makes the same. */
uint8_t bench_noise(uint32_t *state);

/* Stack that BENCH_PAINT fills with a pattern. A call that takes all of it counts as all of it. */
#define BENCH_STACK_BYTES 4096

/* Paints the stack below the caller's frame; or tells how far the calls since then have reached
 * below that frame, in bytes. Both must be asked for in the same function. */
typedef enum bench_stack { BENCH_PAINT, BENCH_MEASURE } bench_stack;
uint32_t bench_probe_stack(bench_stack what);

/* Says one line, then restarts the board, which ends the emulator:
 *
 *   <ticks> <unit> <stack in bytes> <result, two hexadecimal digits a byte>
 *
 * A program that was refused something has a result of 0 bytes. */
void bench_report(const sotto_port *port, uint32_t ticks, uint32_t stack_bytes, const void *result,
                  size_t result_bytes);

#endif
