/* What the deployed code hears in audio, told faster than the audio lasts.
 *
 *   evaluate describe         the model's geometry as one line of JSON
 *   evaluate clips            audio -> the scores after the last step of each recording
 *   evaluate stream STRIDE    audio -> the scores of every step; STRIDE in frames, see scorer.h
 *   evaluate replay           settings, scores -> the events of each recording and setting
 *   evaluate listen STRIDE GATE_MARGIN
 *                             one setting, audio -> events of the listener, as the firmware has it
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
#include "scorer.h"
#include "sotto_listener.h"

#define EXIT_USAGE 2
#define CHUNK_SAMPLES 4096u

/* Longest recording of scores that is replayed: a day of a streaming model's twelve classes. */
#define REPLAY_BYTES (64u << 20)

static sotto_scorer scorer;
static sotto_listener listener;
static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
static _Alignas(SOTTO_LISTENER_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_LISTENER_WORKSPACE_BYTES];
static int16_t chunk[CHUNK_SAMPLES];
static int8_t recorded_s8[REPLAY_BYTES];

/* What is done with the scores of a step. */
typedef void (*step_taker)(uint32_t step, const int8_t scores_s8[SOTTO_MODEL_CLASSES]);

static void score_recording(uint32_t samples, step_taker take) {
  int8_t scores_s8[SOTTO_MODEL_CLASSES];
  uint32_t step = 0;
  pipe_require(sotto_scorer_reset(&scorer), "the network cannot be reset");
  while (samples > 0) {
    const uint32_t count = samples < CHUNK_SAMPLES ? samples : CHUNK_SAMPLES;
    pipe_read(chunk, count * sizeof chunk[0]);
    for (size_t done = 0, taken = 0; done < count; done += taken) {
      const int status = sotto_scorer_push(&scorer, &chunk[done], count - done, &taken, scores_s8);
      pipe_require(status, "front-end or network refused");
      if (status == 1) {
        take(step++, scores_s8);
      }
    }
    samples -= count;
  }
}

static void init_scorer(const char *stride) {
  pipe_require(sotto_scorer_init(&scorer, (uint32_t)strtoul(stride, NULL, 10)),
               "this model cannot run with that stride");
}

static void write_scores(uint32_t step, const int8_t scores_s8[SOTTO_MODEL_CLASSES]) {
  (void)step;
  pipe_write(scores_s8, SOTTO_MODEL_CLASSES);
}

static void stream(const char *stride) {
  uint32_t samples = 0;
  init_scorer(stride);
  while (pipe_read_count(&samples)) {
    const uint32_t steps = sotto_scorer_steps(&scorer, samples);
    pipe_write(&steps, sizeof steps);
    score_recording(samples, write_scores);
  }
}

static void keep_scores(uint32_t step, const int8_t scores_s8[SOTTO_MODEL_CLASSES]) {
  (void)step;
  memcpy(recorded_s8, scores_s8, SOTTO_MODEL_CLASSES);
}

/* A clip has one window, which a window model hears in one step: the greatest stride. */
static void clips(void) {
  uint32_t samples = 0;
  pipe_require(sotto_scorer_init(&scorer, SOTTO_MODEL_FRAMES), "this model cannot start");
  while (pipe_read_count(&samples)) {
    const uint32_t steps = sotto_scorer_steps(&scorer, samples) > 0;
    score_recording(samples, keep_scores);
    pipe_write(&steps, sizeof steps);
    pipe_write(recorded_s8, steps * SOTTO_MODEL_CLASSES);
  }
}

static void listen_to(uint32_t samples) {
  pipe_require(sotto_listener_reset(&listener), "the network cannot be reset");
  while (samples > 0) {
    const uint32_t count = samples < CHUNK_SAMPLES ? samples : CHUNK_SAMPLES;
    pipe_read(chunk, count * sizeof chunk[0]);
    for (size_t done = 0, taken = 0; done < count; done += taken) {
      sotto_event event;
      const int heard = sotto_listener_push(&listener, &chunk[done], count - done, &taken, &event);
      pipe_require(heard, "front-end or network refused");
      if (heard == SOTTO_HEARD_WORD) {
        detector_write(listener.statistics.steps - 1, event.class_index, event.average_q15);
      }
    }
    samples -= count;
  }
  detector_end();
}

static void listen(const char *stride, const char *gate_margin) {
  if (detector_read_settings() != 1) {
    pipe_require(SOTTO_E_ARGUMENT, "listening takes one setting");
  }
  sotto_listener_settings chosen = sotto_listener_default_settings;
  chosen.stride_frames = (uint16_t)strtoul(stride, NULL, 10);
  chosen.gate.margin = (uint16_t)strtoul(gate_margin, NULL, 10);
  chosen.detect = detector_settings(0);
  pipe_require(sotto_listener_init(&listener, &sotto_listener_default_model, arena, sizeof arena,
                                   workspace, sizeof workspace, &chosen),
               "a setting of the listener is out of its range");
  uint32_t samples = 0;
  while (pipe_read_count(&samples)) {
    listen_to(samples);
  }
}

static void replay(void) {
  const uint32_t settings = detector_read_settings();
  uint32_t steps = 0;
  while (pipe_read_count(&steps)) {
    if (steps > REPLAY_BYTES / SOTTO_MODEL_CLASSES) {
      pipe_require(SOTTO_E_SIZE, "too many steps in one recording");
    }
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
