/* Audio in, the network's scores out: what the chip computes, on a computer and without a link.
 *
 * A step is one inference that has heard a whole window. A window model hears SOTTO_MODEL_FRAMES
 * frames a step and moves on by a stride; a streaming model takes its FRAMES new ones and remembers
 * the rest, so its first inferences are no steps, as in sotto/listener.h.
 */
#ifndef SOTTO_EVALUATE_SCORER_H
#define SOTTO_EVALUATE_SCORER_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/frontend.h"
#include "sotto/model.h"
#include "sotto_frontend_tables.h"
#include "sotto_model.h"

_Static_assert(SOTTO_FRONTEND_BINS == SOTTO_MODEL_BINS, "front-end tables of another model");
_Static_assert(SOTTO_MODEL_INPUT_BYTES == SOTTO_MODEL_FRAMES * SOTTO_MODEL_BINS,
               "the model takes other input than one byte a feature");
_Static_assert(SOTTO_MODEL_OUTPUT_BYTES == SOTTO_MODEL_CLASSES,
               "the model gives other output than one byte a class");

/* Inferences before the first step: a clip has SOTTO_MODEL_STEPS, of which the last one counts. */
#define SOTTO_SCORER_COLD_STEPS (SOTTO_MODEL_STEPS - 1)

/* Whether the model keeps its past itself, so that its stride is fixed. */
#define SOTTO_SCORER_STREAMING (SOTTO_MODEL_FRAMES < SOTTO_MODEL_WINDOW_FRAMES)

typedef struct sotto_scorer {
  _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
  _Alignas(SOTTO_FRONTEND_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_FRONTEND_WORKSPACE_BYTES];
  sotto_frontend frontend;
  uint32_t stride_frames; /* 1 .. SOTTO_MODEL_FRAMES */
  uint32_t held_frames;   /* in `features`, < SOTTO_MODEL_FRAMES between calls */
  uint32_t cold_steps;    /* inferences before the first whole window, which give no step */
  int8_t features[SOTTO_MODEL_FRAMES * SOTTO_MODEL_BINS];
} sotto_scorer;

/* Prepares everything and resets. `stride_frames`: 1 .. SOTTO_MODEL_FRAMES for a window model,
 * SOTTO_MODEL_FRAMES for a streaming one. Returns SOTTO_OK or what refused. */
int sotto_scorer_init(sotto_scorer *scorer, uint32_t stride_frames) SOTTO_WARN_UNUSED;

/* Forgets all audio. Returns SOTTO_OK or what refused. */
int sotto_scorer_reset(sotto_scorer *scorer) SOTTO_WARN_UNUSED;

/* Takes samples until one step is complete. Writes how many of `count` were taken to `consumed`.
 * Returns 1 when `scores_s8` was written, 0 when all samples were taken, or a negative status. */
int sotto_scorer_push(sotto_scorer *scorer, const int16_t *samples, size_t count, size_t *consumed,
                      int8_t scores_s8[SOTTO_MODEL_CLASSES]) SOTTO_WARN_UNUSED;

/* Steps that `samples` samples after a reset complete. */
uint32_t sotto_scorer_steps(const sotto_scorer *scorer, uint32_t samples);

#endif
