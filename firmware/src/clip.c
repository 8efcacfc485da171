#include "clip.h"

#include <string.h>

#include "sotto/link.h"
#include "sotto/link_bytes.h"
#include "sotto/model.h"

/* Samples converted at a time: 320 bytes of stack. */
#define CHUNK_SAMPLES 160u

_Static_assert(SOTTO_MODEL_CLASSES >= 1 && SOTTO_MODEL_CLASSES <= 255, "a decision is one byte");

static int start_frontend(sotto_engine *engine) {
  return sotto_frontend_init(&engine->frontend, &sotto_frontend_default_tables, engine->workspace,
                             sizeof engine->workspace);
}

void sotto_engine_init(sotto_engine *engine) {
  engine->status = start_frontend(engine);
  if (engine->status == SOTTO_OK) {
    engine->status = sotto_model_init(engine->arena, sizeof engine->arena);
  }
}

int sotto_engine_restart(sotto_engine *engine) {
  int status = engine->status;
  if (status == SOTTO_OK) {
    status = start_frontend(engine);
  }
  if (status == SOTTO_OK) {
    status = sotto_model_reset(engine->arena, sizeof engine->arena);
  }
  return status;
}

void sotto_clip_begin(sotto_clip *clip, sotto_engine *engine, sotto_clip_kind kind, uint32_t id,
                      uint32_t total) {
  memset(clip, 0, sizeof *clip);
  clip->kind = kind;
  clip->id = id;
  clip->total = total;
  clip->status = sotto_engine_restart(engine);
}

uint8_t sotto_decide(const int8_t scores[SOTTO_MODEL_CLASSES]) {
  uint8_t best = 0;
  for (uint8_t i = 1; i < SOTTO_MODEL_CLASSES; i++) {
    if (scores[i] > scores[best]) {
      best = i;
    }
  }
  return best;
}

/* Steps of the model whose frames are there; the scores are those of the last one. */
static void take_steps(sotto_clip *clip, sotto_engine *engine, const sotto_port *port) {
  while (clip->frames >= (clip->steps + 1u) * SOTTO_MODEL_FRAMES && clip->status == SOTTO_OK) {
    const uint32_t start = port->ticks();
    clip->status =
        sotto_model_invoke(engine->arena, sizeof engine->arena,
                           &clip->features[clip->steps * SOTTO_MODEL_INPUT_BYTES], clip->scores);
    clip->ticks_inference += port->ticks() - start;
    clip->steps++;
  }
}

static void decide_when_complete(sotto_clip *clip) {
  if (clip->received < clip->total || clip->status != SOTTO_OK) {
    return;
  }
  clip->features_crc32 = sotto_crc32(0, (const uint8_t *)clip->features, sizeof clip->features);
  clip->decision = sotto_decide(clip->scores);
}

static void count_frame(sotto_clip *clip) {
  clip->frames++;
  clip->ticks_frontend_sum += clip->ticks_this_frame;
  if (clip->ticks_this_frame > clip->ticks_frontend_max) {
    clip->ticks_frontend_max = clip->ticks_this_frame;
  }
  clip->ticks_this_frame = 0;
}

/* Samples after the last frame do not belong to any window: they are not pushed. */
static void push_samples(sotto_clip *clip, sotto_engine *engine, const sotto_port *port,
                         const int16_t *samples, size_t count) {
  while (count > 0 && clip->frames < SOTTO_MODEL_WINDOW_FRAMES && clip->status == SOTTO_OK) {
    size_t consumed = 0;
    const uint32_t start = port->ticks();
    const int frames = sotto_frontend_push(&engine->frontend, samples, count, &consumed,
                                           &clip->features[clip->frames * SOTTO_MODEL_BINS]);
    clip->ticks_this_frame += port->ticks() - start;
    if (frames < 0) {
      clip->status = frames;
    } else if (frames == 1) {
      count_frame(clip);
      take_steps(clip, engine, port);
    }
    samples += consumed;
    count -= consumed;
  }
}

void sotto_clip_take_audio(sotto_clip *clip, sotto_engine *engine, const sotto_port *port,
                           const uint8_t *pcm_s16le, uint32_t count_samples) {
  int16_t chunk[CHUNK_SAMPLES];
  clip->received += count_samples;
  while (count_samples > 0) {
    const uint32_t count = count_samples < CHUNK_SAMPLES ? count_samples : CHUNK_SAMPLES;
    for (uint32_t i = 0; i < count; i++) {
      chunk[i] = (int16_t)sotto_get_u16(pcm_s16le + SOTTO_CLIP_SAMPLE_BYTES * i);
    }
    push_samples(clip, engine, port, chunk, count);
    pcm_s16le += SOTTO_CLIP_SAMPLE_BYTES * count;
    count_samples -= count;
  }
  decide_when_complete(clip);
}

void sotto_clip_take_features(sotto_clip *clip, sotto_engine *engine, const sotto_port *port,
                              const uint8_t *features_s8, uint32_t count_bytes) {
  memcpy(&clip->features[clip->received], features_s8, count_bytes);
  clip->received += count_bytes;
  clip->frames = clip->received / SOTTO_MODEL_BINS;
  take_steps(clip, engine, port);
  decide_when_complete(clip);
}
