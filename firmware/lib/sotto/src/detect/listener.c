#include "sotto/listener.h"

#include <string.h>

static int model_is_valid(const sotto_listener_model *model) {
  const int streaming = model->window_frames > model->frames;
  return model->tables != NULL && model->init != NULL && model->reset != NULL &&
         model->invoke != NULL && model->frames >= 1 && model->window_frames >= model->frames &&
         (streaming || model->preroll_steps == 0);
}

/* A part of the workspace, and the rest of it. */
static void *take(uint8_t **workspace, size_t bytes) {
  void *part = *workspace;
  *workspace += SOTTO_LISTENER_ROUND_UP(bytes);
  return part;
}

static size_t frontend_bytes(const sotto_frontend_tables *tables) {
  return SOTTO_FRONTEND_WORKSPACE_SIZE((size_t)tables->window_samples, tables->fft_samples);
}

static size_t workspace_size(const sotto_listener_model *model) {
  return SOTTO_LISTENER_WORKSPACE_SIZE(frontend_bytes(model->tables), (size_t)model->frames,
                                       (size_t)model->preroll_steps, model->tables->bins,
                                       (size_t)model->scores.classes, model->smoothing_steps_max);
}

static int init_parts(sotto_listener *listener, uint8_t *workspace,
                      const sotto_listener_settings *settings) {
  const sotto_listener_model *model = listener->model;
  const size_t classes = model->scores.classes;
  const size_t for_frontend = frontend_bytes(model->tables);
  const size_t for_detect = SOTTO_LISTENER_DETECT_BYTES(classes, model->smoothing_steps_max);
  int status = sotto_frontend_init(&listener->frontend, model->tables,
                                   take(&workspace, for_frontend), for_frontend);
  if (status == SOTTO_OK) {
    status = sotto_detect_init(&listener->detect, &model->scores, take(&workspace, for_detect),
                               for_detect, model->smoothing_steps_max, &settings->detect);
  }
  const size_t step_bytes = (size_t)model->frames * model->tables->bins;
  listener->features_s8 = take(&workspace, (model->preroll_steps + 1u) * step_bytes);
  listener->threshold_q15 = take(&workspace, classes * sizeof *listener->threshold_q15);
  listener->scores_s8 = take(&workspace, classes);
  return status;
}

int sotto_listener_init(sotto_listener *listener, const sotto_listener_model *model, void *arena,
                        size_t arena_bytes, void *workspace, size_t workspace_bytes,
                        const sotto_listener_settings *settings) {
  if (listener == NULL || model == NULL || arena == NULL || workspace == NULL || settings == NULL ||
      (uintptr_t)workspace % SOTTO_LISTENER_WORKSPACE_ALIGN != 0 || !model_is_valid(model)) {
    return SOTTO_E_ARGUMENT;
  }
  if (workspace_bytes < workspace_size(model)) {
    return SOTTO_E_SIZE;
  }
  memset(listener, 0, sizeof *listener);
  listener->model = model;
  listener->arena = arena;
  listener->arena_bytes = arena_bytes;
  int status = init_parts(listener, workspace, settings);
  if (status == SOTTO_OK) {
    status = sotto_listener_configure(listener, settings);
  }
  if (status == SOTTO_OK) {
    status = model->init(arena, arena_bytes);
  }
  return status == SOTTO_OK ? sotto_listener_reset(listener) : status;
}

uint16_t sotto_listener_check(const sotto_listener_model *model,
                              const sotto_listener_settings *settings) {
  const uint16_t least_stride = model->window_frames > model->frames ? model->frames : 1;
  if (settings->stride_frames < least_stride || settings->stride_frames > model->frames) {
    return SOTTO_SETTING_STRIDE_FRAMES;
  }
  if (settings->gate.margin > SOTTO_GATE_MAX_MARGIN) {
    return SOTTO_SETTING_GATE_MARGIN;
  }
  if (settings->gate.rise_frames < 1) {
    return SOTTO_SETTING_GATE_RISE_FRAMES;
  }
  return sotto_detect_check(&settings->detect, model->scores.classes, model->smoothing_steps_max);
}

int sotto_listener_configure(sotto_listener *listener, const sotto_listener_settings *settings) {
  if (settings == NULL || settings->detect.threshold_q15 == NULL ||
      sotto_listener_check(listener->model, settings) != SOTTO_SETTING_NONE) {
    return SOTTO_E_ARGUMENT;
  }
  const uint16_t classes = listener->model->scores.classes;
  memmove(listener->threshold_q15, settings->detect.threshold_q15,
          classes * sizeof *listener->threshold_q15);
  listener->settings = *settings;
  listener->settings.detect.threshold_q15 = listener->threshold_q15;
  sotto_gate_reset(&listener->gate, &settings->gate);
  return sotto_detect_configure(&listener->detect, &listener->settings.detect);
}

int sotto_listener_reset(sotto_listener *listener) {
  const sotto_listener_model *model = listener->model;
  sotto_frontend_reset(&listener->frontend);
  sotto_gate_reset(&listener->gate, &listener->settings.gate);
  sotto_detect_reset(&listener->detect);
  memset(&listener->statistics, 0, sizeof listener->statistics);
  memset(listener->scores_s8, 0, model->scores.classes);
  listener->samples = 0;
  listener->frames_held = 0;
  listener->frames_missing = model->frames;
  listener->frames_to_warm = model->window_frames / model->frames * model->frames;
  return model->reset(listener->arena, listener->arena_bytes);
}

static uint32_t ticks(const sotto_listener *listener) {
  return listener->ticks == NULL ? 0 : listener->ticks();
}

static int8_t *frame_at(const sotto_listener *listener, uint32_t frame) {
  return listener->features_s8 + (size_t)frame * listener->model->tables->bins;
}

/* Runs the network on all frames that it has not heard; the last answer stays in scores_s8. */
static int run_network(sotto_listener *listener) {
  const sotto_listener_model *model = listener->model;
  const uint32_t start = ticks(listener);
  int status = SOTTO_OK;
  for (uint32_t at = 0; at < listener->frames_held && status == SOTTO_OK; at += model->frames) {
    status = model->invoke(listener->arena, listener->arena_bytes, frame_at(listener, at),
                           listener->scores_s8);
    listener->statistics.invokes++;
    listener->frames_to_warm -=
        model->frames < listener->frames_to_warm ? model->frames : listener->frames_to_warm;
  }
  listener->statistics.ticks_network += ticks(listener) - start;
  return status;
}

/* Keeps the last `count` frames that are held. */
static void keep_frames(sotto_listener *listener, uint32_t count) {
  if (count < listener->frames_held) {
    memmove(listener->features_s8, frame_at(listener, listener->frames_held - count),
            (size_t)count * listener->model->tables->bins);
    listener->frames_held = count;
  }
}

static int detect_step(sotto_listener *listener, int ran, sotto_event *event) {
  sotto_detection word;
  const uint32_t start = ticks(listener);
  const int heard = ran ? sotto_detect_step(&listener->detect, listener->scores_s8, &word)
                        : sotto_detect_skip(&listener->detect, &word);
  listener->statistics.ticks_detect += ticks(listener) - start;
  listener->statistics.steps++;
  listener->statistics.steps_skipped += !ran;
  if (!heard) {
    return SOTTO_HEARD_STEP;
  }
  listener->statistics.events++;
  event->class_index = word.class_index;
  event->average_q15 = word.average_q15;
  event->sample = listener->samples;
  return SOTTO_HEARD_WORD;
}

/* The first window is heard whatever the gate says, so that a state is never half filled. */
static int make_step(sotto_listener *listener, sotto_event *event) {
  const sotto_listener_model *model = listener->model;
  const uint16_t stride = listener->settings.stride_frames;
  listener->frames_missing = stride;
  if (!listener->open && listener->frames_to_warm == 0) {
    keep_frames(listener, model->preroll_steps > 0 ? (uint32_t)model->preroll_steps * model->frames
                                                   : (uint32_t)model->frames - stride);
    return detect_step(listener, 0, event);
  }
  const int status = run_network(listener);
  keep_frames(listener, (uint32_t)model->frames - stride);
  if (status < 0) {
    return status;
  }
  return listener->frames_to_warm > 0 ? SOTTO_HEARD_NOTHING : detect_step(listener, 1, event);
}

/* Takes the frame that the front-end has just written behind those held. */
static int take_frame(sotto_listener *listener, sotto_event *event) {
  const uint16_t bins = listener->model->tables->bins;
  const uint32_t start = ticks(listener);
  const int open =
      sotto_gate_take(&listener->gate, frame_at(listener, listener->frames_held), bins);
  listener->statistics.ticks_detect += ticks(listener) - start;
  listener->open = (uint8_t)open;
  listener->statistics.frames++;
  listener->frames_held++;
  listener->frames_missing--;
  return listener->frames_missing == 0 ? make_step(listener, event) : SOTTO_HEARD_NOTHING;
}

int sotto_listener_push(sotto_listener *listener, const int16_t *samples, size_t count,
                        size_t *consumed, sotto_event *event) {
  *consumed = 0;
  while (*consumed < count) {
    size_t taken = 0;
    const uint32_t start = ticks(listener);
    const int frames =
        sotto_frontend_push(&listener->frontend, samples + *consumed, count - *consumed, &taken,
                            frame_at(listener, listener->frames_held));
    listener->statistics.ticks_frontend += ticks(listener) - start;
    listener->samples += taken;
    *consumed += taken;
    if (frames < 0) {
      return frames;
    }
    const int heard = frames == 1 ? take_frame(listener, event) : SOTTO_HEARD_NOTHING;
    if (heard != SOTTO_HEARD_NOTHING) {
      return heard;
    }
  }
  return SOTTO_HEARD_NOTHING;
}
