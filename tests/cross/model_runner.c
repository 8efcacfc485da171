/* Runs the generated model on every input that stdin holds and writes the scores to stdout. */
#include <stdio.h>
#include <stdlib.h>

#include "sotto/model.h"
#include "sotto_model.h"

int main(void) {
  /* On the heap, so that AddressSanitizer sees the first byte outside of the plan. */
  void *arena = malloc(SOTTO_MODEL_ARENA_BYTES);
  int8_t *features = malloc(SOTTO_MODEL_INPUT_BYTES);
  int8_t *scores = malloc(SOTTO_MODEL_CLASSES);
  int status = sotto_model_init(arena, SOTTO_MODEL_ARENA_BYTES);
  while (status == SOTTO_OK &&
         fread(features, 1, SOTTO_MODEL_INPUT_BYTES, stdin) == SOTTO_MODEL_INPUT_BYTES) {
    status = sotto_model_invoke(arena, SOTTO_MODEL_ARENA_BYTES, features, scores);
    fwrite(scores, 1, SOTTO_MODEL_CLASSES, stdout);
  }
  if (sotto_model_init(arena, SOTTO_MODEL_ARENA_BYTES - 1) != SOTTO_E_SIZE) status = 1;
  if (sotto_model_invoke(arena, SOTTO_MODEL_ARENA_BYTES, NULL, scores) != SOTTO_E_ARGUMENT) {
    status = 1;
  }
  free(scores);
  free(features);
  free(arena);
  return status;
}
