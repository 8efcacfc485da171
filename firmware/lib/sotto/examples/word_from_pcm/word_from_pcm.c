/* Audio in, word out: reads 16-bit mono samples from stdin and prints the word that they hold.
 *
 * How to build it stands in the library's README.md. The shipped model takes one second at 16 kHz.
 */
#include <stdint.h>
#include <stdio.h>

#include "sotto/frontend.h"
#include "sotto/model.h"
#include "sotto_frontend_tables.h"
#include "sotto_model.h"

static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
static _Alignas(SOTTO_FRONTEND_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_FRONTEND_WORKSPACE_BYTES];
static int8_t features[SOTTO_MODEL_FRAMES][SOTTO_MODEL_BINS];

int main(void) {
  sotto_frontend frontend;
  if (sotto_frontend_init(&frontend, &sotto_frontend_default_tables, workspace, sizeof workspace) !=
          SOTTO_OK ||
      sotto_model_init(arena, sizeof arena) != SOTTO_OK) {
    return 1;
  }
  int16_t samples[160];
  int8_t scores[SOTTO_MODEL_CLASSES];
  size_t frames = 0, steps = 0, count;
  while (steps < SOTTO_MODEL_STEPS && (count = fread(samples, 2, 160, stdin)) > 0) {
    for (size_t used = 0, taken; used < count && steps < SOTTO_MODEL_STEPS; used += taken) {
      frames += (size_t)sotto_frontend_push(&frontend, samples + used, count - used, &taken,
                                            features[frames]);
      if (frames < SOTTO_MODEL_FRAMES) continue;
      if (sotto_model_invoke(arena, sizeof arena, features[0], scores) != SOTTO_OK) return 1;
      frames = 0;
      steps++;
    }
  }
  if (steps < SOTTO_MODEL_STEPS) return 1; /* too few samples */
  size_t best = 0;
  for (size_t i = 1; i < SOTTO_MODEL_CLASSES; i++) {
    if (scores[i] > scores[best]) best = i;
  }
  puts(sotto_labels[best]);
  return 0;
}
