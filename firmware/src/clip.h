/* One clip on its way: samples -> features -> scores -> decision, with what each stage cost. */
#ifndef SOTTO_CLIP_H
#define SOTTO_CLIP_H

#include <stdint.h>

#include "port.h"
#include "sotto/frontend.h"
#include "sotto_frontend_tables.h"
#include "sotto_listener.h"
#include "sotto_model.h"

/* Whole frames come from samples_min samples; samples_max gives not one more. */
#define SOTTO_CLIP_SAMPLES_MIN               \
  ((uint32_t)SOTTO_FRONTEND_WINDOW_SAMPLES + \
   ((uint32_t)SOTTO_MODEL_WINDOW_FRAMES - 1u) * (uint32_t)SOTTO_FRONTEND_HOP_SAMPLES)
#define SOTTO_CLIP_SAMPLES_MAX (SOTTO_CLIP_SAMPLES_MIN + (uint32_t)SOTTO_FRONTEND_HOP_SAMPLES - 1u)
#define SOTTO_CLIP_SAMPLE_BYTES 2u
#define SOTTO_CLIP_FEATURE_BYTES ((uint32_t)SOTTO_MODEL_WINDOW_FRAMES * (uint32_t)SOTTO_MODEL_BINS)

_Static_assert(SOTTO_FRONTEND_BINS == SOTTO_MODEL_BINS, "front-end tables of another model");
_Static_assert(SOTTO_MODEL_INPUT_BYTES == SOTTO_MODEL_FRAMES * SOTTO_MODEL_BINS,
               "the model takes other input than one byte a feature");

typedef enum sotto_clip_kind {
  SOTTO_CLIP_NONE,     /* nothing begun */
  SOTTO_CLIP_AUDIO,    /* positions count samples */
  SOTTO_CLIP_TRACED,   /* the same, and each stage of the front-end is hashed */
  SOTTO_CLIP_FEATURES, /* positions count bytes of features */
} sotto_clip_kind;

typedef struct sotto_clip {
  sotto_clip_kind kind;
  uint32_t id;
  uint32_t total;    /* positions of the whole clip */
  uint32_t received; /* the position that is expected next, <= total */
  int status;        /* SOTTO_OK, or what front-end or model returned */

  uint32_t frames; /* computed or received so far, <= SOTTO_MODEL_WINDOW_FRAMES */
  uint32_t steps;  /* that the model has taken of them, <= SOTTO_MODEL_STEPS */
  uint64_t ticks_frontend_sum;
  uint32_t ticks_frontend_max;
  uint32_t ticks_this_frame;
  uint32_t ticks_inference;
  uint32_t features_crc32;
  uint32_t stages_crc32[SOTTO_FRONTEND_STAGES]; /* TRACED: over all frames so far */
  uint8_t decision;
  int8_t scores[SOTTO_MODEL_CLASSES];
  int8_t features[SOTTO_CLIP_FEATURE_BYTES]; /* all of them: a host may ask for them */
} sotto_clip;

/* Bytes with a known content beside the memory that others write to: who writes too far is seen. */
#define SOTTO_GUARD_BYTES 16u

/* Guards that were overwritten; the numbers go over the link. */
typedef enum sotto_guard {
  SOTTO_GUARD_BEFORE_ARENA = 1,
  SOTTO_GUARD_AFTER_ARENA = 2,
  SOTTO_GUARD_AFTER_WORKSPACE = 4,
  SOTTO_GUARD_STACK = 8, /* the stack has met its end */
} sotto_guard;

/* Memory that front-end and model work in, for clips and streams in turn: the workspace is the
 * front-end's for a clip, a whole listener's for a stream. */
typedef struct sotto_engine {
  _Alignas(16) uint8_t guard_before_arena[SOTTO_GUARD_BYTES];
  uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
  uint8_t guard_after_arena[SOTTO_GUARD_BYTES];
  _Alignas(SOTTO_LISTENER_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_LISTENER_WORKSPACE_BYTES];
  uint8_t guard_after_workspace[SOTTO_GUARD_BYTES];
  sotto_frontend frontend;
  int status; /* of sotto_engine_init; nothing runs unless SOTTO_OK */
} sotto_engine;

/* Prepares front-end and model; the result stands in engine->status. */
void sotto_engine_init(sotto_engine *engine);

/* The sum of sotto_guard whose bytes have changed since sotto_engine_init. */
uint8_t sotto_engine_broken_guards(const sotto_engine *engine);

/* Makes front-end and model ready for a clip, whoever used their memory before. Returns their
 * status. */
int sotto_engine_restart(sotto_engine *engine) SOTTO_WARN_UNUSED;

/* Forgets `clip` and begins another. `total` is in range for its kind (see above). */
void sotto_clip_begin(sotto_clip *clip, sotto_engine *engine, sotto_clip_kind kind, uint32_t id,
                      uint32_t total);

/* Takes the next samples (int16, little endian): clip->received + count <= clip->total. The model
 * takes each step as soon as its frames are there; with the last sample the clip is decided. */
void sotto_clip_take_audio(sotto_clip *clip, sotto_engine *engine, const sotto_port *port,
                           const uint8_t *pcm_s16le, uint32_t count_samples);

/* Takes the next feature bytes in the same way. */
void sotto_clip_take_features(sotto_clip *clip, sotto_engine *engine, const sotto_port *port,
                              const uint8_t *features_s8, uint32_t count_bytes);

/* Goes on with a CRC-32 over what a stage of the front-end showed: its exponent as a byte, then its
 * data. */
uint32_t sotto_hash_stage(uint32_t crc32, int exponent, const void *data, size_t length_bytes);

/* Index of the greatest score, the lowest index on ties. */
uint8_t sotto_decide(const int8_t scores[SOTTO_MODEL_CLASSES]);

#endif
