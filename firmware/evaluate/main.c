/* Scores of audio by the deployed code, faster than the audio lasts.
 *
 *   evaluate describe         the model's geometry as one line of JSON
 *   evaluate clips            the scores after the last step of each recording
 *   evaluate stream STRIDE    the scores of every step; STRIDE in frames, see scorer.h
 *
 * Standard input holds recordings: a uint32_t count of samples, then these as int16_t. Each begins
 * without a past. Standard output holds for each a uint32_t count of steps, then the int8_t scores
 * of each step. Bytes are in the order of this computer. A recording too short for one step has 0.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scorer.h"

#define EXIT_USAGE 2
#define CHUNK_SAMPLES 4096u

static sotto_scorer scorer;
static int16_t chunk[CHUNK_SAMPLES];

static _Noreturn void fail(const char *what, int status) {
  fprintf(stderr, "%s (%d)\n", what, status);
  exit(EXIT_FAILURE);
}

static void read_exactly(void *data, size_t bytes) {
  if (fread(data, 1, bytes, stdin) != bytes) {
    fail("the input ends within a recording", SOTTO_E_SIZE);
  }
}

static void write_exactly(const void *data, size_t bytes) {
  if (fwrite(data, 1, bytes, stdout) != bytes) {
    fail("the output cannot be written", SOTTO_E_SIZE);
  }
}

/* Scores of one recording of `samples`: those of all its steps, or of its last one alone. */
static void score_recording(uint32_t samples, bool last_only) {
  const uint32_t steps = sotto_scorer_steps(&scorer, samples);
  const uint32_t skipped = last_only && steps > 1 ? steps - 1 : 0;
  const uint32_t written = steps - skipped;
  int8_t scores_s8[SOTTO_MODEL_CLASSES];
  uint32_t step = 0;
  write_exactly(&written, sizeof written);
  int status = sotto_scorer_reset(&scorer);
  while (samples > 0 && status >= 0) {
    const uint32_t count = samples < CHUNK_SAMPLES ? samples : CHUNK_SAMPLES;
    read_exactly(chunk, count * sizeof chunk[0]);
    for (size_t done = 0, taken = 0; done < count && status >= 0; done += taken) {
      status = sotto_scorer_push(&scorer, &chunk[done], count - done, &taken, scores_s8);
      if (status == 1 && step++ >= skipped) {
        write_exactly(scores_s8, sizeof scores_s8);
      }
    }
    samples -= count;
  }
  if (status < 0) {
    fail("front-end or network refused", status);
  }
}

static void score_recordings(uint32_t stride_frames, bool last_only) {
  const int status = sotto_scorer_init(&scorer, stride_frames);
  if (status != SOTTO_OK) {
    fail("this model cannot run with that stride", status);
  }
  uint32_t samples = 0;
  while (fread(&samples, sizeof samples, 1, stdin) == 1) {
    score_recording(samples, last_only);
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
    score_recordings(SOTTO_MODEL_FRAMES, true);
  } else if (argc == 3 && strcmp(mode, "stream") == 0) {
    score_recordings((uint32_t)strtoul(argv[2], NULL, 10), false);
  } else {
    fprintf(stderr, "usage: %s describe | clips | stream STRIDE\n", argv[0]);
    return EXIT_USAGE;
  }
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
