/* Audio in, word out: takes 16-bit mono samples from the serial line, lowest byte first, and prints
 * the word of each second. Replace readSamples by what your microphone's driver gives.
 *
 * Copy the files of a folder that `sotto export` wrote beside this sketch before you compile it. */
#include <sotto.h>

#include "sotto_frontend_tables.h"
#include "sotto_model.h"

alignas(16) static uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
alignas(SOTTO_FRONTEND_WORKSPACE_ALIGN) static uint8_t workspace[SOTTO_FRONTEND_WORKSPACE_BYTES];
static int8_t features[SOTTO_MODEL_FRAMES][SOTTO_MODEL_BINS];
static sotto_frontend frontend;
static size_t frames = 0;
static size_t steps = 0;

static size_t readSamples(int16_t *samples, size_t most) {
  return Serial.readBytes(reinterpret_cast<char *>(samples), 2 * most) / 2;
}

static void printWord(const int8_t *scores) {
  size_t best = 0;
  for (size_t i = 1; i < SOTTO_MODEL_CLASSES; i++) {
    if (scores[i] > scores[best]) best = i;
  }
  Serial.println(sotto_labels[best]);
}

static void fail() {
  Serial.println("library and model do not match");
  while (true) yield();
}

static void restart() {
  sotto_frontend_reset(&frontend);
  if (sotto_model_reset(arena, sizeof arena) != SOTTO_OK) fail();
}

void setup() {
  Serial.begin(921600);
  if (sotto_frontend_init(&frontend, &sotto_frontend_default_tables, workspace,
                          sizeof workspace) != SOTTO_OK ||
      sotto_model_init(arena, sizeof arena) != SOTTO_OK) {
    fail();
  }
}

void loop() {
  int16_t samples[160];
  const size_t count = readSamples(samples, 160);
  for (size_t used = 0, taken; used < count; used += taken) {
    frames += sotto_frontend_push(&frontend, samples + used, count - used, &taken, features[frames]);
    if (frames < SOTTO_MODEL_FRAMES) continue;
    int8_t scores[SOTTO_MODEL_CLASSES];
    if (sotto_model_invoke(arena, sizeof arena, features[0], scores) != SOTTO_OK) fail();
    frames = 0;
    if (++steps == SOTTO_MODEL_STEPS) { /* a second has passed */
      printWord(scores);
      restart();
      steps = 0;
    }
  }
}
