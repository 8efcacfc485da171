/* A clip against a clock that steps by one whenever it is read, so every timed call costs one tick.
 */
#include <assert.h>
#include <string.h>

#include "clip.h"

static uint32_t now = UINT32_MAX - 20; /* wraps during the clip */

static uint32_t step(void) {
  return now++;
}

int main(void) {
  static sotto_engine engine;
  static sotto_clip clip;
  static uint8_t pcm[2 * SOTTO_CLIP_SAMPLES_MAX];
  const sotto_port port = {.ticks = step};
  sotto_engine_init(&engine);
  assert(engine.status == SOTTO_OK);
  for (int run = 0; run < 2; run++) {
    sotto_clip_begin(&clip, &engine, SOTTO_CLIP_AUDIO, 1, SOTTO_CLIP_SAMPLES_MAX);
    sotto_clip_take_audio(&clip, &engine, &port, pcm, SOTTO_CLIP_SAMPLES_MAX);
    assert(clip.status == SOTTO_OK && clip.frames == 49);
    /* 160 samples a call: 3 for the first window of 480, 2 for each hop of 320. */
    assert(clip.ticks_frontend_max == 3);
    assert(clip.ticks_frontend_sum == 3 + 48 * 2);
    assert(clip.ticks_inference == 1);
  }
  memset(&engine.frontend, 0, sizeof engine.frontend);
  engine.status = SOTTO_E_BACKEND;
  sotto_clip_begin(&clip, &engine, SOTTO_CLIP_AUDIO, 2, SOTTO_CLIP_SAMPLES_MIN);
  sotto_clip_take_audio(&clip, &engine, &port, pcm, SOTTO_CLIP_SAMPLES_MIN);
  assert(clip.status == SOTTO_E_BACKEND && clip.received == clip.total && clip.frames == 0);
  return 0;
}
