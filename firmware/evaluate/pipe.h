/* Standard input and output as exact counts of bytes; what goes wrong ends the program. */
#ifndef SOTTO_EVALUATE_PIPE_H
#define SOTTO_EVALUATE_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the program, with `what` and the status on stderr, when `status` is negative. */
void pipe_require(int status, const char *what);

void pipe_read(void *data, size_t bytes);

/* False at the end of the input, where no further recording begins. */
bool pipe_read_count(uint32_t *count);

void pipe_write(const void *data, size_t bytes);

#endif
