/* Audio in, words out: reads 16-bit mono samples from stdin for as long as they come, such as those
 * of a microphone (arecord -t raw -f S16_LE -r 16000), and prints each word when it is heard.
 *
 * How to build it stands in the library's README.md. The shipped model listens at 16 kHz.
 */
#include <stdint.h>
#include <stdio.h>

#include "sotto/listener.h"
#include "sotto_listener.h"

static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
static _Alignas(SOTTO_LISTENER_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_LISTENER_WORKSPACE_BYTES];

int main(void) {
  sotto_listener listener;
  if (sotto_listener_init(&listener, &sotto_listener_default_model, arena, sizeof arena, workspace,
                          sizeof workspace, &sotto_listener_default_settings) != SOTTO_OK) {
    return 1;
  }
  int16_t samples[160];
  size_t count;
  while ((count = fread(samples, sizeof samples[0], 160, stdin)) > 0) {
    for (size_t used = 0, taken; used < count; used += taken) {
      sotto_event event;
      const int heard =
          sotto_listener_push(&listener, samples + used, count - used, &taken, &event);
      if (heard < 0) return 1;
      if (heard == SOTTO_HEARD_WORD) {
        printf("%lu ms: %s, %u %%\n",
               (unsigned long)(event.sample * 1000u / SOTTO_FRONTEND_SAMPLE_RATE_HZ),
               sotto_labels[event.class_index], event.average_q15 * 100u / SOTTO_DETECT_ONE_Q15);
        fflush(stdout);
      }
    }
  }
  return 0;
}
