#include "clip.h"

#include <stdbool.h>
#include <string.h>

#include "sotto/link.h"
#include "sotto/link_bytes.h"
#include "sotto/model.h"

/* Samples converted at a time: 320 bytes of stack. */
#define CHUNK_SAMPLES 160u

#define GUARD_BYTE 0xA5

_Static_assert(SOTTO_MODEL_CLASSES >= 1 && SOTTO_MODEL_CLASSES <= 255, "a decision is one byte");

static int start_frontend(sotto_engine *engine) {
  return sotto_frontend_init(&engine->frontend, &sotto_frontend_default_tables, engine->workspace,
                             sizeof engine->workspace);
}

static bool is_whole(const uint8_t guard[SOTTO_GUARD_BYTES]) {
  for (size_t i = 0; i < SOTTO_GUARD_BYTES; i++) {
    if (guard[i] != GUARD_BYTE) {
      return false;
    }
  }
  return true;
}

uint8_t sotto_engine_broken_guards(const sotto_engine *engine) {
  uint8_t broken = 0;
  broken |= is_whole(engine->guard_before_arena) ? 0 : SOTTO_GUARD_BEFORE_ARENA;
  broken |= is_whole(engine->guard_after_arena) ? 0 : SOTTO_GUARD_AFTER_ARENA;
  broken |= is_whole(engine->guard_after_workspace) ? 0 : SOTTO_GUARD_AFTER_WORKSPACE;
  return broken;
}

void sotto_engine_init(sotto_engine *engine) {
  memset(engine->guard_before_arena, GUARD_BYTE, SOTTO_GUARD_BYTES);
  memset(engine->guard_after_arena, GUARD_BYTE, SOTTO_GUARD_BYTES);
  memset(engine->guard_after_workspace, GUARD_BYTE, SOTTO_GUARD_BYTES);
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

uint32_t sotto_hash_stage(uint32_t crc32, int exponent, const void *data, size_t length_bytes) {
  const uint8_t scale = (uint8_t)exponent;
  return sotto_crc32(sotto_crc32(crc32, &scale, sizeof scale), data, length_bytes);
}

static void hash_stage(void *context, sotto_frontend_stage stage, int exponent, const void *data,
                       size_t length_bytes) {
  uint32_t *crc32 = &((sotto_clip *)context)->stages_crc32[stage];
  *crc32 = sotto_hash_stage(*crc32, exponent, data, length_bytes);
}

static int push_frontend(sotto_clip *clip, sotto_frontend *frontend, const int16_t *samples,
                         size_t count, size_t *consumed) {
  int8_t *frame = &clip->features[clip->frames * SOTTO_MODEL_BINS];
  if (clip->kind == SOTTO_CLIP_TRACED) {
    const sotto_frontend_tap tap = {hash_stage, clip};
    return sotto_frontend_push_tapped(frontend, samples, count, consumed, frame, &tap);
  }
  return sotto_frontend_push(frontend, samples, count, consumed, frame);
}

/* Samples after the last frame do not belong to any window: they are not pushed. */
static void push_samples(sotto_clip *clip, sotto_engine *engine, const sotto_port *port,
                         const int16_t *samples, size_t count) {
  while (count > 0 && clip->frames < SOTTO_MODEL_WINDOW_FRAMES && clip->status == SOTTO_OK) {
    size_t consumed = 0;
    const uint32_t start = port->ticks();
    const int frames = push_frontend(clip, &engine->frontend, samples, count, &consumed);
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
