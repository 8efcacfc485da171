#include "pipe.h"

#include <stdio.h>
#include <stdlib.h>

#include "sotto/status.h"

void pipe_require(int status, const char *what) {
  if (status < 0) {
    fprintf(stderr, "%s (status %d)\n", what, status);
    exit(EXIT_FAILURE);
  }
}

void pipe_read(void *data, size_t bytes) {
  if (fread(data, 1, bytes, stdin) != bytes) {
    pipe_require(SOTTO_E_SIZE, "the input ends too early");
  }
}

bool pipe_read_count(uint32_t *count) {
  const size_t bytes = fread(count, 1, sizeof *count, stdin);
  if (bytes != 0 && bytes != sizeof *count) {
    pipe_require(SOTTO_E_SIZE, "the input ends within a count");
  }
  return bytes != 0;
}

void pipe_write(const void *data, size_t bytes) {
  if (fwrite(data, 1, bytes, stdout) != bytes) {
    pipe_require(SOTTO_E_SIZE, "the output cannot be written");
  }
}
