/* Runs the generated model on every input that stdin holds and writes the scores to stdout. The
 * argument, if there is one, is how many inputs make a clip, before which the model is reset. */
#include <stdio.h>
#include <stdlib.h>

#include "sotto/model.h"
#include "sotto_model.h"

int main(int count, char **arguments) {
  const long clip = count > 1 ? strtol(arguments[1], NULL, 10) : 0;
  /* On the heap, so that AddressSanitizer sees the first byte outside of the plan. */
  void *arena = malloc(SOTTO_MODEL_ARENA_BYTES);
  int8_t *features = malloc(SOTTO_MODEL_INPUT_BYTES);
  int8_t *scores = malloc(SOTTO_MODEL_OUTPUT_BYTES);
  int status = sotto_model_init(arena, SOTTO_MODEL_ARENA_BYTES);
  for (long i = 1; status == SOTTO_OK &&
                   fread(features, 1, SOTTO_MODEL_INPUT_BYTES, stdin) == SOTTO_MODEL_INPUT_BYTES;
       i++) {
    status = sotto_model_invoke(arena, SOTTO_MODEL_ARENA_BYTES, features, scores);
    fwrite(scores, 1, SOTTO_MODEL_OUTPUT_BYTES, stdout);
    if (status == SOTTO_OK && clip > 0 && i % clip == 0) {
      status = sotto_model_reset(arena, SOTTO_MODEL_ARENA_BYTES);
    }
  }
  if (sotto_model_init(arena, SOTTO_MODEL_ARENA_BYTES - 1) != SOTTO_E_SIZE) status = 1;
  if (sotto_model_reset(NULL, SOTTO_MODEL_ARENA_BYTES) != SOTTO_E_ARGUMENT) status = 1;
  if (sotto_model_init((char *)arena + 8, SOTTO_MODEL_ARENA_BYTES) != SOTTO_E_ARGUMENT) status = 1;
  if (sotto_model_invoke(arena, SOTTO_MODEL_ARENA_BYTES, NULL, scores) != SOTTO_E_ARGUMENT) {
    status = 1;
  }
  free(scores);
  free(features);
  free(arena);
  return status;
}
