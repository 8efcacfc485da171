/* What the bench programs share: their input, and the line that they say. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "port.h"

/* The next byte of a fixed sequence; `state` begins as 1. The host makes the same. */
uint8_t bench_noise(uint32_t *state);

/* Says one line, then restarts the board, which ends the emulator:
 *
 *   <ticks> <unit> <peak stack in bytes> <result, two hexadecimal digits a byte>
 *
 * A program that was refused something has a result of 0 bytes. */
void bench_report(const sotto_port *port, uint32_t ticks, const void *result, size_t result_bytes);

#endif
