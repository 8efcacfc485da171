/* Audio in, words out: takes 16-bit mono samples from the serial line, lowest byte first, and prints
 * each word when it is heard. Replace readSamples by what your microphone's driver gives.
 *
 * Copy the files of a folder that `sotto export` wrote beside this sketch before you compile it. */
#include <sotto.h>

#include "sotto_listener.h"

alignas(16) static uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
alignas(SOTTO_LISTENER_WORKSPACE_ALIGN) static uint8_t workspace[SOTTO_LISTENER_WORKSPACE_BYTES];
static sotto_listener listener;

static size_t readSamples(int16_t *samples, size_t most) {
  return Serial.readBytes(reinterpret_cast<char *>(samples), 2 * most) / 2;
}

void setup() {
  Serial.begin(921600);
  if (sotto_listener_init(&listener, &sotto_listener_default_model, arena, sizeof arena, workspace,
                          sizeof workspace, &sotto_listener_default_settings) != SOTTO_OK) {
    Serial.println("library and model do not match");
    while (true) yield();
  }
}

void loop() {
  int16_t samples[160];
  const size_t count = readSamples(samples, 160);
  for (size_t used = 0, taken; used < count; used += taken) {
    sotto_event event;
    const int heard = sotto_listener_push(&listener, samples + used, count - used, &taken, &event);
    if (heard == SOTTO_HEARD_WORD) Serial.println(sotto_labels[event.class_index]);
    if (heard < 0) {
      Serial.println("the network failed");
      return;
    }
  }
}
