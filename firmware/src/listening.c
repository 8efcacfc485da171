#include "listening.h"

#include <string.h>

#include "sotto/link.h"
#include "sotto/link_bytes.h"

/* Samples converted at a time: 320 bytes of stack. */
#define CHUNK_SAMPLES 160u

/* The settings that `values` says; its thresholds stay there. */
static sotto_listener_settings unpack(const uint16_t *values) {
  return (sotto_listener_settings){
      .stride_frames = values[SOTTO_SETTING_STRIDE_FRAMES],
      .gate = {.margin = values[SOTTO_SETTING_GATE_MARGIN],
               .hold_frames = values[SOTTO_SETTING_GATE_HOLD_FRAMES],
               .rise_frames = values[SOTTO_SETTING_GATE_RISE_FRAMES]},
      .detect = {.smoothing_steps = values[SOTTO_SETTING_SMOOTHING_STEPS],
                 .refractory_steps = values[SOTTO_SETTING_REFRACTORY_STEPS],
                 .hysteresis_q15 = values[SOTTO_SETTING_HYSTERESIS_Q15],
                 .threshold_q15 = values + SOTTO_SETTING_THRESHOLD_Q15},
  };
}

void sotto_listening_init(sotto_listening *listening) {
  const sotto_listener_settings *settings = &sotto_listener_default_settings;
  memset(listening, 0, sizeof *listening);
  uint16_t *values = listening->settings;
  values[SOTTO_SETTING_STRIDE_FRAMES] = settings->stride_frames;
  values[SOTTO_SETTING_GATE_MARGIN] = settings->gate.margin;
  values[SOTTO_SETTING_GATE_HOLD_FRAMES] = settings->gate.hold_frames;
  values[SOTTO_SETTING_GATE_RISE_FRAMES] = settings->gate.rise_frames;
  values[SOTTO_SETTING_SMOOTHING_STEPS] = settings->detect.smoothing_steps;
  values[SOTTO_SETTING_REFRACTORY_STEPS] = settings->detect.refractory_steps;
  values[SOTTO_SETTING_HYSTERESIS_Q15] = settings->detect.hysteresis_q15;
  memcpy(values + SOTTO_SETTING_THRESHOLD_Q15, settings->detect.threshold_q15,
         SOTTO_MODEL_CLASSES * sizeof *values);
}

void sotto_listening_begin(sotto_listening *listening, sotto_engine *engine, const sotto_port *port,
                           uint32_t id) {
  listening->id = id;
  listening->received = 0;
  listening->events = 0;
  listening->events_fetched = 0;
  listening->scores_crc32 = 0;
  listening->status = engine->status;
  if (listening->status == SOTTO_OK) {
    const sotto_listener_settings settings = unpack(listening->settings);
    listening->status = sotto_listener_init(&listening->listener, &sotto_listener_default_model,
                                            engine->arena, sizeof engine->arena, engine->workspace,
                                            sizeof engine->workspace, &settings);
  }
  listening->listener.ticks = port->ticks;
}

static int has_room(const sotto_listening *listening) {
  return listening->events - listening->events_fetched < SOTTO_LISTENING_EVENTS;
}

/* Pushes until a step is made or all are taken. Returns how many were. */
static uint32_t push(sotto_listening *listening, const int16_t *samples, uint32_t count) {
  size_t taken = 0;
  sotto_event event;
  const int heard = sotto_listener_push(&listening->listener, samples, count, &taken, &event);
  if (heard < 0) {
    listening->status = heard;
  } else if (heard != SOTTO_HEARD_NOTHING) {
    listening->scores_crc32 =
        sotto_crc32(listening->scores_crc32, (const uint8_t *)listening->listener.scores_s8,
                    SOTTO_MODEL_CLASSES);
  }
  if (heard == SOTTO_HEARD_WORD) {
    listening->last_events[listening->events % SOTTO_LISTENING_EVENTS] = event;
    listening->events++;
  }
  return (uint32_t)taken;
}

void sotto_listening_take(sotto_listening *listening, const uint8_t *pcm_s16le,
                          uint32_t count_samples) {
  int16_t chunk[CHUNK_SAMPLES];
  while (count_samples > 0 && listening->status == SOTTO_OK && has_room(listening)) {
    const uint32_t count = count_samples < CHUNK_SAMPLES ? count_samples : CHUNK_SAMPLES;
    for (uint32_t i = 0; i < count; i++) {
      chunk[i] = (int16_t)sotto_get_u16(pcm_s16le + SOTTO_CLIP_SAMPLE_BYTES * i);
    }
    const uint32_t taken = push(listening, chunk, count);
    listening->received += taken;
    pcm_s16le += SOTTO_CLIP_SAMPLE_BYTES * taken;
    count_samples -= taken;
  }
}

void sotto_listening_hear(sotto_listening *listening, const int16_t *samples,
                          uint32_t count_samples) {
  while (count_samples > 0 && listening->status == SOTTO_OK) {
    const uint32_t taken = push(listening, samples, count_samples);
    listening->received += taken;
    samples += taken;
    count_samples -= taken;
  }
}

void sotto_listening_fetched(sotto_listening *listening, uint32_t count) {
  if (count > listening->events_fetched && count <= listening->events) {
    listening->events_fetched = count;
  }
}

uint16_t sotto_listening_change(sotto_listening *listening, const uint8_t *pairs, uint32_t count) {
  uint16_t *wanted = listening->wanted;
  memcpy(wanted, listening->settings, sizeof listening->wanted);
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *change = pairs + SOTTO_LISTENING_CHANGE_BYTES * i;
    wanted[sotto_get_u16(change)] = sotto_get_u16(change + 2);
  }
  const sotto_listener_settings settings = unpack(wanted);
  const uint16_t wrong = sotto_listener_check(&sotto_listener_default_model, &settings);
  const int changed = memcmp(wanted, listening->settings, sizeof listening->wanted) != 0;
  if (wrong != SOTTO_SETTING_NONE || !changed) {
    return wrong;
  }
  memcpy(listening->settings, wanted, sizeof listening->wanted);
  if (listening->id != SOTTO_LISTENING_NO_STREAM && listening->status == SOTTO_OK) {
    listening->status = sotto_listener_configure(&listening->listener, &settings);
  }
  return SOTTO_SETTING_NONE;
}
