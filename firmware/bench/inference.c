/* The smallest program with an inference: what `sotto compile` links to measure its code. */
#include <stdint.h>

#include "sotto/model.h"
#include "sotto_model.h"

int main(void) {
  static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
  static int8_t input[SOTTO_MODEL_INPUT_BYTES];
  static int8_t output[SOTTO_MODEL_OUTPUT_BYTES];
  const int status = sotto_model_init(arena, sizeof arena);
  return status != SOTTO_OK ? status : sotto_model_invoke(arena, sizeof arena, input, output);
}
