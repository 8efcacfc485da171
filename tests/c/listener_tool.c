/* Runs a listener around a network of a few lines, so that a test can say what must happen.
 *
 * stdin, little endian: u16 frames, window_frames, preroll_steps, smoothing_steps_max, chunk, then
 * u16 settings: stride, smoothing, refractory, hysteresis, margin, hold, rise, three thresholds;
 * u32 position and seven settings more (without thresholds) that are taken there, then int16
 * samples. `chunk` samples are pushed at a time. The network's scores are the first features of its
 * last frame; it prints "invoke", how often it ran since its reset, and the first feature of each
 * frame. A step prints "step", a word "word CLASS AVERAGE SAMPLE", the end the statistics.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sotto/listener.h"
#include "sotto_frontend_tables.h"

enum { CLASSES = 3, ARENA_BYTES = 16, MOST_SAMPLES = 1 << 16 };
enum { FRAMES, WINDOW, PREROLL, SMOOTHING_MAX, CHUNK, FIELDS };
enum { STRIDE, SMOOTHING, REFRACTORY, HYSTERESIS, MARGIN, HOLD, RISE, SETTINGS };

static const uint16_t exp_q15[] = {32768, 16384, 8192, 4096, 2048, 1024, 512, 256};
static uint16_t frames_of_an_invoke;

static int fake_reset(void *arena, size_t arena_bytes) {
  memset(arena, 0, arena_bytes);
  return SOTTO_OK;
}

static int fake_invoke(void *arena, size_t arena_bytes, const int8_t *features, int8_t *scores) {
  uint8_t *runs = arena;
  printf("invoke %u", (unsigned)*runs);
  for (uint16_t i = 0; i < frames_of_an_invoke; i++) {
    printf(" %d", features[i * SOTTO_FRONTEND_BINS]);
  }
  printf("\n");
  *runs = (uint8_t)(*runs + 1);
  memcpy(scores, features + (frames_of_an_invoke - 1) * SOTTO_FRONTEND_BINS, CLASSES);
  return arena_bytes == ARENA_BYTES ? SOTTO_OK : SOTTO_E_BACKEND;
}

static sotto_listener_settings unpack(const uint16_t *f, const uint16_t *threshold_q15) {
  return (sotto_listener_settings){
      .stride_frames = f[STRIDE],
      .gate = {f[MARGIN], f[HOLD], f[RISE]},
      .detect = {f[SMOOTHING], f[REFRACTORY], f[HYSTERESIS], threshold_q15},
  };
}

static int listen(sotto_listener *listener, const int16_t *samples, size_t count) {
  while (count > 0) {
    size_t taken = 0;
    sotto_event event;
    const int heard = sotto_listener_push(listener, samples, count, &taken, &event);
    if (heard < 0) return heard;
    if (heard == SOTTO_HEARD_STEP) printf("step\n");
    if (heard == SOTTO_HEARD_WORD) {
      printf("word %u %u %u\n", (unsigned)event.class_index, (unsigned)event.average_q15,
             (unsigned)event.sample);
    }
    samples += taken;
    count -= taken;
  }
  return SOTTO_OK;
}

int main(void) {
  static int16_t samples[MOST_SAMPLES];
  uint16_t fields[FIELDS], first[SETTINGS], second[SETTINGS], threshold_q15[CLASSES];
  uint32_t position;
  if (fread(fields, 2, FIELDS, stdin) != FIELDS || fread(first, 2, SETTINGS, stdin) != SETTINGS ||
      fread(threshold_q15, 2, CLASSES, stdin) != CLASSES || fread(&position, 4, 1, stdin) != 1 ||
      fread(second, 2, SETTINGS, stdin) != SETTINGS) {
    return 1;
  }
  const size_t count = fread(samples, 2, MOST_SAMPLES, stdin);
  const sotto_listener_model model = {
      .tables = &sotto_frontend_default_tables,
      .scores = {SOTTO_SCORES_LOGITS_S8, CLASSES, exp_q15, sizeof exp_q15 / sizeof exp_q15[0]},
      .frames = fields[FRAMES],
      .window_frames = fields[WINDOW],
      .preroll_steps = fields[PREROLL],
      .smoothing_steps_max = fields[SMOOTHING_MAX],
      .init = fake_reset,
      .reset = fake_reset,
      .invoke = fake_invoke,
  };
  frames_of_an_invoke = fields[FRAMES];
  static _Alignas(16) uint8_t arena[ARENA_BYTES];
  const size_t bytes = SOTTO_LISTENER_WORKSPACE_SIZE(
      (size_t)SOTTO_FRONTEND_WORKSPACE_BYTES, (size_t)model.frames, (size_t)model.preroll_steps,
      SOTTO_FRONTEND_BINS, (size_t)CLASSES, model.smoothing_steps_max);
  void *workspace = malloc(bytes); /* exactly as much as is promised to be enough */
  sotto_listener listener;
  const sotto_listener_settings settings = unpack(first, threshold_q15);
  int status =
      sotto_listener_init(&listener, &model, arena, sizeof arena, workspace, bytes, &settings);
  if (status != SOTTO_OK) {
    printf("refused %d %d\n", status, (int)sotto_listener_check(&model, &settings));
    free(workspace);
    return 0;
  }
  const sotto_listener_settings others = unpack(second, threshold_q15);
  for (size_t at = 0; at < count && status == SOTTO_OK;) {
    const size_t left = at < position ? position - at : count - at;
    const size_t wanted = fields[CHUNK] < left ? fields[CHUNK] : left;
    const size_t now = wanted < count - at ? wanted : count - at;
    status = listen(&listener, samples + at, now);
    at += now;
    if (at == position) status = sotto_listener_configure(&listener, &others);
  }
  const sotto_listener_statistics *done = &listener.statistics;
  printf("end %d %u %u %u %u %u\n", status, (unsigned)done->frames, (unsigned)done->steps,
         (unsigned)done->steps_skipped, (unsigned)done->invokes, (unsigned)done->events);
  free(workspace);
  return 0;
}
