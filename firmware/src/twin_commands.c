/* For a host that looks for the place where a board and its twin part. docs/protocol.md gives every
 * byte. */
#include "answer.h"
#include "sotto/link.h"
#include "sotto/link_bytes.h"
#include "sotto/model.h"
#include "sotto/target.h"
#include "trace.h"

#define HEALTH_BYTES 44u
#define HEALTH_TEXTS 2u
#define STAGES_REPLY_BYTES 8u
#define STEPS_REPLY_BYTES 12u
#define GET_REPLY_BYTES 16u
#define WINDOW_REQUEST_BYTES 4u
#define WINDOW_REPLY_BYTES 8u
#define NOTE_BYTES 8u
#define WINDOW_DATA_BYTES \
  (SOTTO_LINK_REPLY_MAX_BYTES - WINDOW_REPLY_BYTES - SOTTO_FRONTEND_STAGES * NOTE_BYTES)

_Static_assert(HEALTH_BYTES + HEALTH_TEXTS * (1u + SOTTO_TEXT_MAX_BYTES) <=
                   SOTTO_LINK_REPLY_MAX_BYTES,
               "HEALTH is too long");

#if SOTTO_TARGET == SOTTO_TARGET_DSP
#define KERNELS "dsp"
#elif SOTTO_TARGET == SOTTO_TARGET_MVE
#define KERNELS "mve"
#elif SOTTO_TARGET == SOTTO_TARGET_PORTABLE
#define KERNELS "portable"
#else
#define KERNELS "reference"
#endif

#ifdef __FAST_MATH__
#define FAST_MATH SOTTO_BUILD_FAST_MATH
#else
#define FAST_MATH 0
#endif
#ifdef __CHAR_UNSIGNED__
#define CHAR_UNSIGNED SOTTO_BUILD_CHAR_UNSIGNED
#else
#define CHAR_UNSIGNED 0
#endif
#ifdef __OPTIMIZE__
#define NOT_OPTIMISED 0
#else
#define NOT_OPTIMISED SOTTO_BUILD_NOT_OPTIMISED
#endif
#if SOTTO_COMPARE_KERNELS
#define COMPARES_KERNELS SOTTO_BUILD_COMPARES_KERNELS
#else
#define COMPARES_KERNELS 0
#endif
#ifdef __VERSION__
#define COMPILER __VERSION__
#else
#define COMPILER ""
#endif

typedef struct padded {
  uint8_t byte;
  uint32_t word;
} padded;

static uint8_t build_facts(void) {
  const int8_t below_zero = (int8_t)-1;
  uint8_t facts = FAST_MATH | CHAR_UNSIGNED | NOT_OPTIMISED | COMPARES_KERNELS;
  facts |= below_zero < 0 ? 0 : SOTTO_BUILD_INT8_UNSIGNED;
  facts |= sizeof(padded) > sizeof(uint32_t) + 1u ? 0 : SOTTO_BUILD_PACKED;
  return facts;
}

static uint32_t hash(uint32_t crc32, const void *data, size_t length_bytes) {
  return sotto_crc32(crc32, data, length_bytes);
}

static uint32_t hash_tables(const sotto_frontend_tables *t) {
  const size_t bands = t->bins + 2u;
  const size_t weights = (size_t)t->band_start[bands - 1u] - t->band_start[0];
  uint32_t crc32 = hash(0, t->window_q15, t->window_samples * sizeof *t->window_q15);
  crc32 = hash(crc32, t->twiddles_q15, t->twiddle_words * sizeof *t->twiddles_q15);
  crc32 = hash(crc32, t->split_q15, t->fft_samples / 4u * sizeof *t->split_q15);
  crc32 = hash(crc32, t->band_start, bands * sizeof *t->band_start);
  crc32 = hash(crc32, t->rising_q15, weights * sizeof *t->rising_q15);
  crc32 = hash(crc32, t->log2_q15, (SOTTO_FRONTEND_LOG2_SEGMENTS + 1u) * sizeof *t->log2_q15);
  const int32_t scales[] = {t->hop_samples, t->noise_floor_log2, t->zero_log2_q15,
                            t->steps_per_octave_q16};
  return hash(crc32, scales, sizeof scales);
}

static uint32_t hash_constants(void) {
  size_t count = 0;
  uint32_t crc32 = 0;
  const sotto_model_constant *constants = sotto_model_constants(&count);
  for (size_t i = 0; i < count; i++) {
    crc32 = hash(crc32, constants[i].data, constants[i].length_bytes);
  }
  return crc32;
}

static sotto_outcome answer_health(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const sotto_port *port = app->port;
  const uint32_t stack_bytes = port->stack_bytes != NULL ? port->stack_bytes() : 0;
  const bool stack_full = stack_bytes > 0 && port->stack_peak_bytes() >= stack_bytes;
  const uint8_t guards = sotto_engine_broken_guards(&app->engine);
  (void)in;
  sotto_write_u8(out, (uint8_t)sotto_port_reset_cause(port));
  sotto_write_u8(out, (uint8_t)(guards | (stack_full ? SOTTO_GUARD_STACK : 0)));
  sotto_write_u8(out, build_facts());
  sotto_write_u8(out, 0);
  sotto_write_u32(out, port->restarts != NULL ? port->restarts() : 0);
  sotto_write_u32(out, stack_bytes);
  sotto_write_u32(out, port->watchdog_ms);
  sotto_write_u32(out, sotto_port_ticks_hz());
  sotto_write_u32(out, hash_tables(&sotto_frontend_default_tables));
  sotto_write_u32(out, hash_constants());
  sotto_write_self_test(&app->test_at_start, out);
  sotto_write_text(out, KERNELS, SOTTO_TEXT_MAX_BYTES);
  sotto_write_text(out, COMPILER, SOTTO_TEXT_MAX_BYTES);
  return SOTTO_ACCEPTED;
}

/* Front-end and model work for the host now: nobody else's samples are on their way. */
static void take_engine(sotto_app *app) {
  sotto_forget_unfinished_clip(app);
  app->listening.id = SOTTO_LISTENING_NO_STREAM;
}

/* What a stage is hashed to. */
typedef struct note {
  uint32_t crc32;
  uint32_t ticks;
} note;

static void write_notes(sotto_writer *out, const note *notes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    sotto_write_u32(out, notes[i].crc32);
    sotto_write_u32(out, notes[i].ticks);
  }
}

/* Bytes that the host asks for: those from `offset` on of all that one stage shows. */
typedef struct wanted {
  uint32_t offset;
  uint32_t total; /* shown so far */
  uint32_t length_bytes;
  uint32_t capacity_bytes;
  uint8_t bytes[SOTTO_LINK_REPLY_MAX_BYTES - GET_REPLY_BYTES];
} wanted;

static void keep_wanted(wanted *of, const void *data, size_t length_bytes) {
  const uint8_t *bytes = data;
  for (size_t i = 0; i < length_bytes; i++, of->total++) {
    if (of->total >= of->offset && of->length_bytes < of->capacity_bytes) {
      of->bytes[of->length_bytes++] = bytes[i];
    }
  }
}

typedef struct window_view {
  const sotto_port *port;
  uint32_t began;
  uint8_t stage;
  int exponent;
  note notes[SOTTO_FRONTEND_STAGES];
  wanted data;
} window_view;

static void see_window_stage(void *context, sotto_frontend_stage stage, int exponent,
                             const void *data, size_t length_bytes) {
  window_view *view = context;
  note *of = &view->notes[stage];
  of->ticks += view->port->ticks() - view->began;
  of->crc32 = sotto_hash_stage(of->crc32, exponent, data, length_bytes);
  if (stage == view->stage) {
    view->exponent = exponent;
    keep_wanted(&view->data, data, length_bytes);
  }
  view->began = view->port->ticks();
}

static sotto_outcome answer_window(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  window_view view = {
      .port = app->port,
      .stage = in->payload[0],
      .data = {.offset = sotto_get_u16(in->payload + 2), .capacity_bytes = WINDOW_DATA_BYTES}};
  const sotto_frontend_tap tap = {see_window_stage, &view};
  if (view.stage >= SOTTO_FRONTEND_STAGES) {
    return (sotto_outcome){SOTTO_LINK_E_RANGE, 0};
  }
  take_engine(app);
  const int status = sotto_trace_window(&app->engine, app->port, in->payload + WINDOW_REQUEST_BYTES,
                                        &tap, &view.began);
  sotto_write_u8(out, view.stage);
  sotto_write_u8(out, (uint8_t)status);
  sotto_write_u16(out, (uint16_t)view.exponent);
  sotto_write_u16(out, (uint16_t)view.data.offset);
  sotto_write_u16(out, (uint16_t)view.data.total);
  write_notes(out, view.notes, SOTTO_FRONTEND_STAGES);
  sotto_write_bytes(out, view.data.bytes, view.data.length_bytes);
  return SOTTO_ACCEPTED;
}

#define STAGE_NOTES ((SOTTO_LINK_REPLY_MAX_BYTES - STAGES_REPLY_BYTES) / NOTE_BYTES)

typedef struct stages_view {
  uint32_t first;
  note notes[STAGE_NOTES];
} stages_view;

static void see_stages(void *context, const sotto_trace_seen *seen) {
  stages_view *view = context;
  if (seen->stage >= view->first && seen->stage - view->first < STAGE_NOTES) {
    note *of = &view->notes[seen->stage - view->first];
    of->crc32 = hash(of->crc32, seen->data, seen->length_bytes);
    of->ticks = seen->ticks > of->ticks ? seen->ticks : of->ticks;
  }
}

/* Runs `steps` steps of clip `id`; the number of stages, or 0 where there is nothing to run. */
static uint32_t run_steps(sotto_app *app, uint32_t id, uint32_t steps, const sotto_trace_tap *tap) {
  if (sotto_clip_state(&app->clip, id) != SOTTO_RESULT_READY) {
    return 0;
  }
  take_engine(app);
  const uint32_t most = steps < SOTTO_MODEL_STEPS ? steps : SOTTO_MODEL_STEPS;
  const int stages = sotto_trace_steps(&app->engine, app->port, &app->clip, most, tap);
  return stages > 0 ? (uint32_t)stages : 0;
}

static sotto_outcome answer_stages(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t id = sotto_get_u32(in->payload);
  stages_view view = {.first = sotto_get_u16(in->payload + 4)};
  const uint32_t total =
      run_steps(app, id, sotto_get_u16(in->payload + 6), &(sotto_trace_tap){see_stages, &view});
  const uint32_t left = view.first < total ? total - view.first : 0;
  sotto_write_u32(out, id);
  sotto_write_u16(out, (uint16_t)view.first);
  sotto_write_u16(out, (uint16_t)total);
  write_notes(out, view.notes, left < STAGE_NOTES ? left : STAGE_NOTES);
  return SOTTO_ACCEPTED;
}

#define STEP_NOTES ((SOTTO_LINK_REPLY_MAX_BYTES - STEPS_REPLY_BYTES) / NOTE_BYTES)

typedef struct steps_view {
  uint32_t stage;
  uint32_t first;
  uint32_t count;
  note notes[STEP_NOTES];
} steps_view;

static void see_steps(void *context, const sotto_trace_seen *seen) {
  steps_view *view = context;
  if (seen->stage == view->stage && seen->step >= view->first) { /* no step beyond is run */
    view->notes[view->count++] = (note){hash(0, seen->data, seen->length_bytes), seen->ticks};
  }
}

static sotto_outcome answer_steps(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t id = sotto_get_u32(in->payload);
  steps_view view = {.stage = sotto_get_u16(in->payload + 4),
                     .first = sotto_get_u16(in->payload + 6)};
  const uint32_t total =
      run_steps(app, id, view.first + STEP_NOTES, &(sotto_trace_tap){see_steps, &view});
  sotto_write_u32(out, id);
  sotto_write_u16(out, (uint16_t)view.stage);
  sotto_write_u16(out, (uint16_t)view.first);
  sotto_write_u16(out, total > view.stage ? SOTTO_MODEL_STEPS : 0);
  sotto_write_u16(out, 0);
  write_notes(out, view.notes, view.count);
  return SOTTO_ACCEPTED;
}

typedef struct get_view {
  uint32_t stage;
  uint32_t step;
  wanted data;
} get_view;

static void see_wanted(void *context, const sotto_trace_seen *seen) {
  get_view *view = context;
  if (seen->stage == view->stage && seen->step == view->step) {
    keep_wanted(&view->data, seen->data, seen->length_bytes);
  }
}

static sotto_outcome answer_get(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t id = sotto_get_u32(in->payload);
  get_view view = {
      .stage = sotto_get_u16(in->payload + 4),
      .step = sotto_get_u16(in->payload + 6),
      .data = {.offset = sotto_get_u32(in->payload + 8), .capacity_bytes = sizeof view.data.bytes}};
  (void)run_steps(app, id, view.step + 1u, &(sotto_trace_tap){see_wanted, &view});
  sotto_write_u32(out, id);
  sotto_write_u16(out, (uint16_t)view.stage);
  sotto_write_u16(out, (uint16_t)view.step);
  sotto_write_u32(out, view.data.offset);
  sotto_write_u32(out, view.data.total);
  sotto_write_bytes(out, view.data.bytes, view.data.length_bytes);
  return SOTTO_ACCEPTED;
}

#define WINDOW_PAYLOAD_BYTES \
  (WINDOW_REQUEST_BYTES + SOTTO_CLIP_SAMPLE_BYTES * (uint32_t)SOTTO_FRONTEND_WINDOW_SAMPLES)

static const sotto_command COMMANDS[] = {
    {SOTTO_LINK_HEALTH, 0, 0, answer_health},
    {SOTTO_LINK_TRACE_WINDOW, WINDOW_PAYLOAD_BYTES, WINDOW_PAYLOAD_BYTES, answer_window},
    {SOTTO_LINK_TRACE_STAGES, 8, 8, answer_stages},
    {SOTTO_LINK_TRACE_STEPS, 8, 8, answer_steps},
    {SOTTO_LINK_TRACE_GET, 12, 12, answer_get},
};

const sotto_command_family sotto_twin_commands = {COMMANDS, sizeof COMMANDS / sizeof COMMANDS[0]};
