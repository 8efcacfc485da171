/* What the deployed code hears in audio, told faster than the audio lasts.
 *
 *   evaluate describe         the model's geometry as one line of JSON
 *   evaluate clips            audio -> the scores after the last step of each recording
 *   evaluate stream STRIDE    audio -> the scores of every step; STRIDE in frames
 *   evaluate replay           settings, scores -> the events of each recording and setting
 *   evaluate listen STRIDE GATE_MARGIN
 *                             one setting, audio -> its events, then the listener's work
 *
 * Audio is heard by the firmware's listener (sotto/listener.h), with its gate open unless a margin
 * is given. Its work is four uint32_t after the events of a recording: frames, steps, steps_skipped
 * and invokes, as in sotto_listener_statistics.
 *
 * Standard input and output are in this computer's byte order. Audio: for each recording a uint32_t
 * count of samples, then these as int16_t. Scores: for each recording a uint32_t count of steps,
 * then the int8_t scores of each. Settings: detector.h. Every recording begins without a past; one
 * too short for a step has none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detector.h"
#include "pipe.h"
#include "sotto/model.h"
#include "sotto_listener.h"

_Static_assert(SOTTO_FRONTEND_BINS == SOTTO_MODEL_BINS, "front-end tables of another model");
_Static_assert(SOTTO_MODEL_INPUT_BYTES == SOTTO_MODEL_FRAMES * SOTTO_MODEL_BINS,
               "the model takes other input than one byte a feature");
_Static_assert(SOTTO_MODEL_OUTPUT_BYTES == SOTTO_MODEL_CLASSES,
               "the model gives other output than one byte a class");

#define EXIT_USAGE 2
#define CHUNK_SAMPLES 4096u

/* Longest recording of scores: a day of a streaming model's twelve classes. */
#define RECORDED_BYTES (64u << 20)

static sotto_listener listener;
static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
static _Alignas(SOTTO_LISTENER_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_LISTENER_WORKSPACE_BYTES];
static int16_t chunk[CHUNK_SAMPLES];
static int8_t recorded_s8[RECORDED_BYTES];

/* What is done after a step; `event` is its word, or NULL. */
typedef void (*step_taker)(const sotto_event *event);

static uint16_t number(const char *text) {
  const unsigned long value = strtoul(text, NULL, 10);
  return value <= UINT16_MAX ? (uint16_t)value : UINT16_MAX; /* which no setting allows */
}

static void begin_listening(uint16_t stride_frames, uint16_t gate_margin,
                            const sotto_detect_settings *detect) {
  sotto_listener_settings settings = sotto_listener_default_settings;
  settings.stride_frames = stride_frames;
  settings.gate.margin = gate_margin;
  settings.detect = *detect;
  if (sotto_listener_check(&sotto_listener_default_model, &settings) ==
      SOTTO_SETTING_STRIDE_FRAMES) {
    pipe_require(SOTTO_E_ARGUMENT, "this model cannot run with that stride");
  }
  pipe_require(sotto_listener_init(&listener, &sotto_listener_default_model, arena, sizeof arena,
                                   workspace, sizeof workspace, &settings),
               "a setting of the listener is out of its range");
}

static void hear_recording(uint32_t samples, step_taker take) {
  pipe_require(sotto_listener_reset(&listener), "the network cannot be reset");
  while (samples > 0) {
    const uint32_t count = samples < CHUNK_SAMPLES ? samples : CHUNK_SAMPLES;
    pipe_read(chunk, count * sizeof chunk[0]);
    for (size_t done = 0, taken = 0; done < count; done += taken) {
      sotto_event event;
      const int heard = sotto_listener_push(&listener, &chunk[done], count - done, &taken, &event);
      pipe_require(heard, "front-end or network refused");
      if (heard != SOTTO_HEARD_NOTHING) {
        take(heard == SOTTO_HEARD_WORD ? &event : NULL);
      }
    }
    samples -= count;
  }
}

static void require_room(uint32_t steps) {
  if (steps > RECORDED_BYTES / SOTTO_MODEL_CLASSES) {
    pipe_require(SOTTO_E_SIZE, "too many steps in one recording");
  }
}

static void write_scores(const int8_t *scores_s8, uint32_t steps) {
  pipe_write(&steps, sizeof steps);
  pipe_write(scores_s8, (size_t)steps * SOTTO_MODEL_CLASSES);
}

static void record_scores(const sotto_event *event) {
  (void)event;
  const uint32_t steps = listener.statistics.steps;
  require_room(steps);
  memcpy(&recorded_s8[(size_t)(steps - 1) * SOTTO_MODEL_CLASSES], listener.scores_s8,
         SOTTO_MODEL_CLASSES);
}

static void stream(const char *stride) {
  uint32_t samples = 0;
  begin_listening(number(stride), 0, &sotto_listener_default_settings.detect);
  while (pipe_read_count(&samples)) {
    hear_recording(samples, record_scores);
    write_scores(recorded_s8, listener.statistics.steps);
  }
}

static void leave_scores(const sotto_event *event) {
  (void)event;
}

/* A clip has one window, which a window model hears in one step: the greatest stride. */
static void clips(void) {
  uint32_t samples = 0;
  begin_listening(SOTTO_MODEL_FRAMES, 0, &sotto_listener_default_settings.detect);
  while (pipe_read_count(&samples)) {
    hear_recording(samples, leave_scores);
    write_scores(listener.scores_s8, listener.statistics.steps > 0);
  }
}

static void write_event(const sotto_event *event) {
  if (event != NULL) {
    detector_write(listener.statistics.steps - 1, event->class_index, event->average_q15);
  }
}

static void write_work(void) {
  const sotto_listener_statistics *done = &listener.statistics;
  const uint32_t work[] = {done->frames, done->steps, done->steps_skipped, done->invokes};
  pipe_write(work, sizeof work);
}

static void listen(const char *stride, const char *gate_margin) {
  uint32_t samples = 0;
  if (detector_read_settings() != 1) {
    pipe_require(SOTTO_E_ARGUMENT, "listening takes one setting");
  }
  const sotto_detect_settings detect = detector_settings(0);
  begin_listening(number(stride), number(gate_margin), &detect);
  while (pipe_read_count(&samples)) {
    hear_recording(samples, write_event);
    detector_end();
    write_work();
  }
}

static void replay(void) {
  const uint32_t settings = detector_read_settings();
  uint32_t steps = 0;
  while (pipe_read_count(&steps)) {
    require_room(steps);
    pipe_read(recorded_s8, (size_t)steps * SOTTO_MODEL_CLASSES);
    for (uint32_t setting = 0; setting < settings; setting++) {
      detector_begin(setting);
      for (size_t step = 0; step < steps; step++) {
        detector_step(&recorded_s8[step * SOTTO_MODEL_CLASSES]);
      }
      detector_end();
    }
  }
}

static void describe(void) {
  printf(
      "{\"model_hash\": \"%s\", \"backend\": \"%s\", \"frames\": %d, \"window_frames\": %d, "
      "\"bins\": %d, \"classes\": %d, \"sample_rate_hz\": %d, \"clip_samples\": %d, "
      "\"window_samples\": %d, \"hop_samples\": %d}\n",
      SOTTO_MODEL_HASH_HEX, sotto_model_backend(), SOTTO_MODEL_FRAMES, SOTTO_MODEL_WINDOW_FRAMES,
      SOTTO_MODEL_BINS, SOTTO_MODEL_CLASSES, SOTTO_FRONTEND_SAMPLE_RATE_HZ,
      SOTTO_FRONTEND_CLIP_SAMPLES, SOTTO_FRONTEND_WINDOW_SAMPLES, SOTTO_FRONTEND_HOP_SAMPLES);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (argc == 2 && strcmp(mode, "describe") == 0) {
    describe();
  } else if (argc == 2 && strcmp(mode, "clips") == 0) {
    clips();
  } else if (argc == 3 && strcmp(mode, "stream") == 0) {
    stream(argv[2]);
  } else if (argc == 2 && strcmp(mode, "replay") == 0) {
    replay();
  } else if (argc == 4 && strcmp(mode, "listen") == 0) {
    listen(argv[2], argv[3]);
  } else {
    fprintf(stderr,
            "usage: %s describe | clips | stream STRIDE | replay | listen STRIDE GATE_MARGIN\n",
            argv[0]);
    return EXIT_USAGE;
  }
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
