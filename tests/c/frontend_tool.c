/* Features of the int16 samples on stdin, to stdout. argv[1]: samples handed over at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "sotto_frontend_tables.h"

int main(int argc, char **argv) {
  const size_t chunk = argc == 2 ? (size_t)strtoul(argv[1], NULL, 10) : 0;
  /* Exactly the promised sizes on the heap, so that the sanitizer sees one byte too far. */
  void *workspace = malloc(SOTTO_FRONTEND_WORKSPACE_BYTES);
  int16_t *samples = malloc(chunk * sizeof *samples);
  int8_t *frame = malloc(SOTTO_FRONTEND_BINS);
  sotto_frontend fe;
  if (chunk == 0 || workspace == NULL || samples == NULL || frame == NULL ||
      sotto_frontend_init(&fe, &sotto_frontend_default_tables, workspace,
                          SOTTO_FRONTEND_WORKSPACE_BYTES) != SOTTO_OK) {
    return 2;
  }
  size_t count;
  while ((count = fread(samples, sizeof *samples, chunk, stdin)) > 0) {
    size_t done = 0;
    size_t consumed = 0;
    while (sotto_frontend_push(&fe, samples + done, count - done, &consumed, frame) == 1) {
      done += consumed;
      fwrite(frame, 1, SOTTO_FRONTEND_BINS, stdout);
    }
    if (done + consumed != count) {
      return 3; /* 0 means that all samples were taken */
    }
  }
  free(frame);
  free(samples);
  free(workspace);
  return 0;
}
