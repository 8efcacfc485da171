#include "scorer.h"

#include <string.h>

int sotto_scorer_init(sotto_scorer *scorer, uint32_t stride_frames) {
  const uint32_t least = SOTTO_SCORER_STREAMING ? SOTTO_MODEL_FRAMES : 1;
  if (stride_frames < least || stride_frames > SOTTO_MODEL_FRAMES) {
    return SOTTO_E_ARGUMENT;
  }
  scorer->stride_frames = stride_frames;
  scorer->held_frames = 0;
  scorer->cold_steps = SOTTO_SCORER_COLD_STEPS;
  const int status = sotto_frontend_init(&scorer->frontend, &sotto_frontend_default_tables,
                                         scorer->workspace, sizeof scorer->workspace);
  return status == SOTTO_OK ? sotto_model_init(scorer->arena, sizeof scorer->arena) : status;
}

int sotto_scorer_reset(sotto_scorer *scorer) {
  scorer->held_frames = 0;
  scorer->cold_steps = SOTTO_SCORER_COLD_STEPS;
  sotto_frontend_reset(&scorer->frontend);
  return sotto_model_reset(scorer->arena, sizeof scorer->arena);
}

/* The frames that the next step hears again move to the front. */
static void drop_stride(sotto_scorer *scorer) {
  scorer->held_frames = SOTTO_MODEL_FRAMES - scorer->stride_frames;
  memmove(scorer->features, &scorer->features[scorer->stride_frames * SOTTO_MODEL_BINS],
          (size_t)scorer->held_frames * SOTTO_MODEL_BINS);
}

int sotto_scorer_push(sotto_scorer *scorer, const int16_t *samples, size_t count, size_t *consumed,
                      int8_t scores_s8[SOTTO_MODEL_CLASSES]) {
  *consumed = 0;
  while (*consumed < count) {
    size_t taken = 0;
    const int frames =
        sotto_frontend_push(&scorer->frontend, &samples[*consumed], count - *consumed, &taken,
                            &scorer->features[scorer->held_frames * SOTTO_MODEL_BINS]);
    *consumed += taken;
    if (frames < 0) {
      return frames;
    }
    scorer->held_frames += (uint32_t)frames;
    if (scorer->held_frames == SOTTO_MODEL_FRAMES) {
      const int status =
          sotto_model_invoke(scorer->arena, sizeof scorer->arena, scorer->features, scores_s8);
      drop_stride(scorer);
      if (status != SOTTO_OK) {
        return status;
      }
      if (scorer->cold_steps == 0) {
        return 1;
      }
      scorer->cold_steps--;
    }
  }
  return 0;
}

uint32_t sotto_scorer_steps(const sotto_scorer *scorer, uint32_t samples) {
  if (samples < SOTTO_FRONTEND_WINDOW_SAMPLES) {
    return 0;
  }
  const uint32_t frames =
      1 + (samples - SOTTO_FRONTEND_WINDOW_SAMPLES) / SOTTO_FRONTEND_HOP_SAMPLES;
  const uint32_t first_frames = SOTTO_MODEL_STEPS * SOTTO_MODEL_FRAMES;
  return frames < first_frames ? 0 : 1 + (frames - first_frames) / scorer->stride_frames;
}
