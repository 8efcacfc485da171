#include "commands.h"

#include <string.h>

#include "answer.h"
#include "self_test.h"
#include "sotto/abi.h"
#include "sotto/link_bytes.h"
#include "sotto/link_messages.h"
#include "sotto/model.h"
#include "writer.h"

#define TEXT_MAX_BYTES SOTTO_TEXT_MAX_BYTES
#define NO_CLIP 0u

/* Fixed parts of the payloads. */
#define INFO_BYTES 76u
#define INFO_TEXTS 5u
#define RESULT_BYTES 32u
#define UPLOAD_BYTES 12u
#define FEATURES_REPLY_BYTES 12u
#define LISTEN_REPLY_BYTES 16u
#define SETTING_BYTES 2u

_Static_assert(INFO_BYTES + INFO_TEXTS * (1u + TEXT_MAX_BYTES) <= SOTTO_LINK_REPLY_MAX_BYTES,
               "INFO is too long");
_Static_assert(RESULT_BYTES + SOTTO_MODEL_CLASSES <= SOTTO_LINK_REPLY_MAX_BYTES,
               "more classes than a RESULT holds");
_Static_assert(LISTEN_REPLY_BYTES + SOTTO_LISTENING_EVENTS * SOTTO_WORD_BYTES <=
                   SOTTO_LINK_REPLY_MAX_BYTES,
               "more events than a LISTEN holds");

typedef sotto_request request;
typedef sotto_outcome outcome;
typedef sotto_command command;

static const outcome ACCEPTED = SOTTO_ACCEPTED;

/* A board that met a fault may meet it again here, and would never answer. */
static sotto_self_test_result test_at_start(sotto_app *app) {
  const sotto_reset_cause cause = sotto_port_reset_cause(app->port);
  if (cause == SOTTO_RESET_FAULT || cause == SOTTO_RESET_WATCHDOG) {
    return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_NOT_RUN};
  }
  return sotto_self_test(&app->engine, app->port);
}

void sotto_app_init(sotto_app *app, const sotto_port *port) {
  memset(app, 0, sizeof *app);
  app->port = port;
  app->capture = port->microphone != NULL ? port->microphone->part : NULL;
  if (app->capture != NULL) {
    memset(app->capture->memory, 0, sizeof *app->capture->memory);
  }
  sotto_link_decoder_init(&app->decoder);
  sotto_engine_init(&app->engine);
  sotto_listening_init(&app->listening);
  app->test_at_start = test_at_start(app);
}

static outcome answer_info(sotto_app *app, const request *in, sotto_writer *out) {
  static const uint8_t model_hash[32] = SOTTO_MODEL_HASH_BYTES;
  (void)in;
  sotto_write_u16(out, SOTTO_ABI);
  sotto_write_u16(out, SOTTO_MODEL_CLASSES);
  sotto_write_u16(out, SOTTO_MODEL_WINDOW_FRAMES);
  sotto_write_u16(out, SOTTO_MODEL_BINS);
  sotto_write_u16(out, SOTTO_FRONTEND_WINDOW_SAMPLES);
  sotto_write_u16(out, SOTTO_FRONTEND_HOP_SAMPLES);
  sotto_write_u32(out, app->port->rx_window_bytes);
  sotto_write_u32(out, app->port->cpu_hz);
  sotto_write_u32(out, SOTTO_MODEL_ARENA_BYTES);
  sotto_write_u32(out, app->port->stack_peak_bytes());
  sotto_write_u32(out, app->port->rx_overruns());
  sotto_write_u32(out, app->frames_received);
  sotto_write_u32(out, app->frames_corrupt);
  sotto_write_u32(out, app->clips_completed);
  sotto_write_bytes(out, model_hash, sizeof model_hash);
  sotto_write_text(out, app->port->board, TEXT_MAX_BYTES);
  sotto_write_text(out, sotto_model_backend(), TEXT_MAX_BYTES);
  sotto_write_text(out, SOTTO_TOOL_VERSION, TEXT_MAX_BYTES);
  sotto_write_text(out, SOTTO_MODEL_NAME, TEXT_MAX_BYTES);
  sotto_write_text(out, app->port->tick_unit, TEXT_MAX_BYTES);
  return ACCEPTED;
}

static outcome answer_labels(sotto_app *app, const request *in, sotto_writer *out) {
  (void)app;
  const uint16_t first = sotto_get_u16(in->payload);
  sotto_write_u16(out, first);
  sotto_write_u16(out, SOTTO_MODEL_CLASSES);
  for (uint32_t i = first; i < SOTTO_MODEL_CLASSES; i++) {
    if (sotto_writer_room_bytes(out) < 1u + TEXT_MAX_BYTES) {
      break; /* the host asks for the rest */
    }
    sotto_write_text(out, sotto_labels[i], TEXT_MAX_BYTES);
  }
  return ACCEPTED;
}

/* AUDIO or FEATURES_PUT: what one position is, and who takes it. */
typedef struct upload_kind {
  sotto_clip_kind kind;
  uint32_t unit_bytes;
  uint32_t total_min;
  uint32_t total_max;
  void (*take)(sotto_clip *clip, sotto_engine *engine, const sotto_port *port, const uint8_t *data,
               uint32_t count);
} upload_kind;

static const upload_kind AUDIO = {SOTTO_CLIP_AUDIO, SOTTO_CLIP_SAMPLE_BYTES, SOTTO_CLIP_SAMPLES_MIN,
                                  SOTTO_CLIP_SAMPLES_MAX, sotto_clip_take_audio};
static const upload_kind TRACED = {SOTTO_CLIP_TRACED, SOTTO_CLIP_SAMPLE_BYTES,
                                   SOTTO_CLIP_SAMPLES_MIN, SOTTO_CLIP_SAMPLES_MAX,
                                   sotto_clip_take_audio};
static const upload_kind FEATURES = {SOTTO_CLIP_FEATURES, 1, SOTTO_CLIP_FEATURE_BYTES,
                                     SOTTO_CLIP_FEATURE_BYTES, sotto_clip_take_features};

typedef struct piece {
  uint32_t id;
  uint32_t offset;
  uint32_t total;
  const uint8_t *data;
  uint32_t count; /* positions in data */
} piece;

static outcome read_piece(const request *in, const upload_kind *kind, piece *out) {
  const size_t data_bytes = in->payload_bytes - UPLOAD_BYTES;
  out->id = sotto_get_u32(in->payload);
  out->offset = sotto_get_u32(in->payload + 4);
  out->total = sotto_get_u32(in->payload + 8);
  out->data = in->payload + UPLOAD_BYTES;
  out->count = (uint32_t)(data_bytes / kind->unit_bytes);
  if (data_bytes % kind->unit_bytes != 0) {
    return (outcome){SOTTO_LINK_E_LENGTH, UPLOAD_BYTES + out->count * kind->unit_bytes};
  }
  if (out->id == NO_CLIP) {
    return (outcome){SOTTO_LINK_E_RANGE, NO_CLIP + 1u};
  }
  if (out->total < kind->total_min || out->total > kind->total_max) {
    return (outcome){SOTTO_LINK_E_RANGE, kind->total_min};
  }
  /* total <= total_max, so the difference does not wrap once offset <= total. */
  if (out->offset > out->total || out->count > out->total - out->offset) {
    return (outcome){SOTTO_LINK_E_RANGE, 0};
  }
  return ACCEPTED;
}

static bool is_complete(const sotto_clip *clip) {
  return clip->kind != SOTTO_CLIP_NONE && clip->received == clip->total;
}

/* Whether the board holds the piece's clip; a first piece of another clip begins that. */
static bool holds(sotto_app *app, sotto_clip_kind kind, const piece *in) {
  sotto_clip *clip = &app->clip;
  if (clip->kind == kind && clip->id == in->id && clip->total == in->total) {
    return true;
  }
  if (in->offset == 0) {
    app->listening.id = SOTTO_LISTENING_NO_STREAM; /* the clip takes its memory */
    sotto_clip_begin(clip, &app->engine, kind, in->id, in->total);
  }
  return in->offset == 0;
}

static outcome answer_upload(sotto_app *app, const upload_kind *kind, const request *in,
                             sotto_writer *out) {
  piece next;
  const outcome checked = read_piece(in, kind, &next);
  if (checked.error != SOTTO_LINK_ACCEPTED) {
    return checked;
  }
  sotto_clip *clip = &app->clip;
  const bool held = holds(app, kind->kind, &next);
  if (held && next.offset == clip->received && next.count > 0) {
    kind->take(clip, &app->engine, app->port, next.data, next.count);
    app->clips_completed += is_complete(clip);
  }
  sotto_write_u32(out, next.id);
  sotto_write_u32(out, held ? clip->received : 0);
  return ACCEPTED;
}

static outcome answer_audio(sotto_app *app, const request *in, sotto_writer *out) {
  return answer_upload(app, &AUDIO, in, out);
}

/* What the stages were up to here: a reply that is lost takes nothing along. */
static outcome answer_trace_audio(sotto_app *app, const request *in, sotto_writer *out) {
  const outcome done = answer_upload(app, &TRACED, in, out);
  if (done.error == SOTTO_LINK_ACCEPTED) {
    const bool held = app->clip.id == sotto_get_u32(in->payload);
    sotto_write_u32(out, held ? app->clip.frames : 0);
    for (size_t stage = 0; stage < SOTTO_FRONTEND_STAGES; stage++) {
      sotto_write_u32(out, held ? app->clip.stages_crc32[stage] : 0);
    }
  }
  return done;
}

static outcome answer_features_put(sotto_app *app, const request *in, sotto_writer *out) {
  return answer_upload(app, &FEATURES, in, out);
}

sotto_result_state sotto_clip_state(const sotto_clip *clip, uint32_t id) {
  if (clip->kind == SOTTO_CLIP_NONE || clip->id != id) {
    return SOTTO_RESULT_UNKNOWN_CLIP;
  }
  if (!is_complete(clip)) {
    return SOTTO_RESULT_INCOMPLETE;
  }
  return clip->status == SOTTO_OK ? SOTTO_RESULT_READY : SOTTO_RESULT_FAILED;
}

static outcome answer_result(sotto_app *app, const request *in, sotto_writer *out) {
  const sotto_clip *clip = &app->clip;
  const uint32_t id = sotto_get_u32(in->payload);
  const sotto_result_state state = sotto_clip_state(clip, id);
  const bool ready = state == SOTTO_RESULT_READY;
  sotto_write_u32(out, id);
  sotto_write_u8(out, (uint8_t)state);
  sotto_write_u8(out, (uint8_t)(state == SOTTO_RESULT_FAILED ? clip->status : SOTTO_OK));
  sotto_write_u8(out, ready ? clip->decision : 0);
  sotto_write_u8(out, ready ? SOTTO_MODEL_CLASSES : 0);
  sotto_write_u32(out, ready ? clip->features_crc32 : 0);
  sotto_write_u16(out, (uint16_t)(ready ? clip->frames : 0));
  sotto_write_u16(out, 0);
  sotto_write_u64(out, ready ? clip->ticks_frontend_sum : 0);
  sotto_write_u32(out, ready ? clip->ticks_frontend_max : 0);
  sotto_write_u32(out, ready ? clip->ticks_inference : 0);
  sotto_write_bytes(out, clip->scores, ready ? sizeof clip->scores : 0);
  return ACCEPTED;
}

static outcome answer_features_get(sotto_app *app, const request *in, sotto_writer *out) {
  const sotto_clip *clip = &app->clip;
  const uint32_t id = sotto_get_u32(in->payload);
  const uint32_t offset = sotto_get_u32(in->payload + 4);
  const uint32_t total =
      sotto_clip_state(clip, id) == SOTTO_RESULT_READY ? SOTTO_CLIP_FEATURE_BYTES : 0;
  const uint32_t left = offset < total ? total - offset : 0;
  const uint32_t room = SOTTO_LINK_REPLY_MAX_BYTES - FEATURES_REPLY_BYTES;
  sotto_write_u32(out, id);
  sotto_write_u32(out, offset);
  sotto_write_u32(out, total);
  if (left > 0) {
    sotto_write_bytes(out, &clip->features[offset], left < room ? left : room);
  }
  return ACCEPTED;
}

void sotto_forget_unfinished_clip(sotto_app *app) {
  if (!is_complete(&app->clip)) {
    app->clip.kind = SOTTO_CLIP_NONE;
  }
}

void sotto_write_self_test(const sotto_self_test_result *result, sotto_writer *out) {
  sotto_write_u8(out, (uint8_t)result->stage);
  sotto_write_u8(out, result->golden_case);
  sotto_write_u16(out, result->layer);
  sotto_write_u32(out, result->index);
  sotto_write_u32(out, (uint32_t)result->expected);
  sotto_write_u32(out, (uint32_t)result->actual);
}

static outcome answer_self_test(sotto_app *app, const request *in, sotto_writer *out) {
  (void)in;
  sotto_forget_unfinished_clip(app);
  app->listening.id = SOTTO_LISTENING_NO_STREAM;
  const sotto_self_test_result result = sotto_self_test(&app->engine, app->port);
  sotto_write_self_test(&result, out);
  return ACCEPTED;
}

static outcome answer_settings_get(sotto_app *app, const request *in, sotto_writer *out) {
  const uint16_t first = sotto_get_u16(in->payload);
  if (first < 1) {
    return (outcome){SOTTO_LINK_E_RANGE, 1};
  }
  sotto_write_u16(out, first);
  sotto_write_u16(out, SOTTO_LISTENING_LAST_SETTING);
  for (uint32_t number = first; number <= SOTTO_LISTENING_LAST_SETTING; number++) {
    if (sotto_writer_room_bytes(out) < SETTING_BYTES) {
      break; /* the host asks for the rest */
    }
    sotto_write_u16(out, app->listening.settings[number]);
  }
  return ACCEPTED;
}

static outcome answer_settings_set(sotto_app *app, const request *in, sotto_writer *out) {
  const uint32_t count = (uint32_t)(in->payload_bytes / SOTTO_LISTENING_CHANGE_BYTES);
  (void)out;
  if (in->payload_bytes % SOTTO_LISTENING_CHANGE_BYTES != 0) {
    return (outcome){SOTTO_LINK_E_LENGTH, count * SOTTO_LISTENING_CHANGE_BYTES};
  }
  for (uint32_t i = 0; i < count; i++) {
    const uint16_t number = sotto_get_u16(in->payload + SOTTO_LISTENING_CHANGE_BYTES * i);
    if (number < 1 || number > SOTTO_LISTENING_LAST_SETTING) {
      return (outcome){SOTTO_LINK_E_RANGE, 1};
    }
  }
  const uint16_t wrong = sotto_listening_change(&app->listening, in->payload, count);
  return wrong == SOTTO_SETTING_NONE ? ACCEPTED : (outcome){SOTTO_LINK_E_SETTING, wrong};
}

void sotto_write_words(const sotto_listening *listening, uint32_t first, sotto_writer *out) {
  for (uint32_t i = first; i != listening->events; i++) {
    const sotto_event *event = &listening->last_events[i % SOTTO_LISTENING_EVENTS];
    sotto_write_u32(out, (uint32_t)event->sample);
    sotto_write_u16(out, event->class_index);
    sotto_write_u16(out, event->average_q15);
  }
}

/* A late copy of an old request may ask for events that the host has and the board has not. */
uint32_t sotto_first_word(const sotto_listening *listening, uint32_t wanted) {
  const uint32_t oldest =
      listening->events > SOTTO_LISTENING_EVENTS ? listening->events - SOTTO_LISTENING_EVENTS : 0;
  const uint32_t least = wanted < oldest ? oldest : wanted;
  return least < listening->events ? least : listening->events;
}

static void write_listening(const sotto_listening *listening, uint32_t id, uint32_t fetched,
                            sotto_writer *out) {
  const bool held = listening->id == id;
  const uint32_t first = held ? sotto_first_word(listening, fetched) : 0;
  sotto_write_u32(out, id);
  sotto_write_u32(out, held ? listening->received : 0);
  sotto_write_u32(out, first);
  sotto_write_u8(out, (uint8_t)(held ? listening->events - first : 0));
  sotto_write_u8(out, (uint8_t)(held ? listening->status : SOTTO_OK));
  sotto_write_u16(out, 0);
  if (held) {
    sotto_write_words(listening, first, out);
  }
}

static outcome answer_listen(sotto_app *app, const request *in, sotto_writer *out) {
  sotto_listening *listening = &app->listening;
  const uint32_t id = sotto_get_u32(in->payload);
  const uint32_t offset = sotto_get_u32(in->payload + 4);
  const uint32_t fetched = sotto_get_u32(in->payload + 8);
  const size_t data_bytes = in->payload_bytes - UPLOAD_BYTES;
  const uint32_t count = (uint32_t)(data_bytes / SOTTO_CLIP_SAMPLE_BYTES);
  if (data_bytes % SOTTO_CLIP_SAMPLE_BYTES != 0) {
    return (outcome){SOTTO_LINK_E_LENGTH, UPLOAD_BYTES + count * SOTTO_CLIP_SAMPLE_BYTES};
  }
  if (id == SOTTO_LISTENING_NO_STREAM) {
    return (outcome){SOTTO_LINK_E_RANGE, SOTTO_LISTENING_NO_STREAM + 1u};
  }
  if (count > UINT32_MAX - offset) { /* positions would wrap */
    return (outcome){SOTTO_LINK_E_RANGE, 0};
  }
  if (listening->id != id && offset == 0) {
    sotto_forget_unfinished_clip(app);
    sotto_listening_begin(listening, &app->engine, app->port, id);
  }
  if (listening->id == id) {
    sotto_listening_fetched(listening, fetched);
    if (offset == listening->received) {
      sotto_listening_take(listening, in->payload + UPLOAD_BYTES, count);
    }
  }
  write_listening(listening, id, fetched, out);
  return ACCEPTED;
}

static outcome answer_statistics(sotto_app *app, const request *in, sotto_writer *out) {
  const sotto_listening *listening = &app->listening;
  const uint32_t id = sotto_get_u32(in->payload);
  const bool held = id != SOTTO_LISTENING_NO_STREAM && listening->id == id;
  const sotto_listener_statistics none = {0};
  const sotto_listener_statistics *done = held ? &listening->listener.statistics : &none;
  sotto_write_u32(out, id);
  sotto_write_u32(out, held ? listening->received : 0);
  sotto_write_u32(out, done->frames);
  sotto_write_u32(out, done->steps);
  sotto_write_u32(out, done->steps_skipped);
  sotto_write_u32(out, done->invokes);
  sotto_write_u32(out, done->events);
  sotto_write_u32(out, held ? listening->scores_crc32 : 0);
  sotto_write_u64(out, done->ticks_frontend);
  sotto_write_u64(out, done->ticks_network);
  sotto_write_u64(out, done->ticks_detect);
  return ACCEPTED;
}

/* Answers nothing more: the reply goes out, then the port restarts the board. */
static outcome answer_reset(sotto_app *app, const request *in, sotto_writer *out) {
  (void)app;
  (void)in;
  (void)out;
  return ACCEPTED;
}

static const command COMMANDS[] = {
    {SOTTO_LINK_INFO, 0, 0, answer_info},
    {SOTTO_LINK_LABELS, 2, 2, answer_labels},
    {SOTTO_LINK_AUDIO, UPLOAD_BYTES, SOTTO_LINK_PAYLOAD_MAX_BYTES, answer_audio},
    {SOTTO_LINK_RESULT, 4, 4, answer_result},
    {SOTTO_LINK_FEATURES_GET, 8, 8, answer_features_get},
    {SOTTO_LINK_FEATURES_PUT, UPLOAD_BYTES, SOTTO_LINK_PAYLOAD_MAX_BYTES, answer_features_put},
    {SOTTO_LINK_SELF_TEST, 0, 0, answer_self_test},
    {SOTTO_LINK_RESET, 0, 0, answer_reset},
    {SOTTO_LINK_SETTINGS_GET, 2, 2, answer_settings_get},
    {SOTTO_LINK_SETTINGS_SET, SOTTO_LISTENING_CHANGE_BYTES, SOTTO_LINK_PAYLOAD_MAX_BYTES,
     answer_settings_set},
    {SOTTO_LINK_LISTEN, UPLOAD_BYTES, SOTTO_LINK_PAYLOAD_MAX_BYTES, answer_listen},
    {SOTTO_LINK_STATISTICS, 4, 4, answer_statistics},
    {SOTTO_LINK_MICROPHONE, 0, 0, sotto_answer_microphone},
    {SOTTO_LINK_TRACE_AUDIO, UPLOAD_BYTES, SOTTO_LINK_PAYLOAD_MAX_BYTES, answer_trace_audio},
};

/* The command of a type, or NULL. */
static const command *find_command(const sotto_app *app, uint8_t type) {
  static const sotto_command_family none = {NULL, 0};
  const sotto_command_family families[] = {{COMMANDS, sizeof COMMANDS / sizeof COMMANDS[0]},
                                           sotto_twin_commands,
                                           app->capture != NULL ? app->capture->commands : none};
  for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
    for (size_t i = 0; i < families[f].count; i++) {
      if (families[f].commands[i].type == type) {
        return &families[f].commands[i];
      }
    }
  }
  return NULL;
}

static outcome execute(sotto_app *app, const sotto_link_frame *frame, sotto_writer *out) {
  const request in = {frame->payload, frame->payload_bytes};
  if (frame->version != SOTTO_LINK_VERSION) {
    return (outcome){SOTTO_LINK_E_VERSION, SOTTO_LINK_VERSION};
  }
  const command *known = find_command(app, frame->type);
  if (known == NULL) {
    return (outcome){SOTTO_LINK_E_UNKNOWN_TYPE, 0};
  }
  if (in.payload_bytes < known->payload_min_bytes || in.payload_bytes > known->payload_max_bytes) {
    return (outcome){SOTTO_LINK_E_LENGTH, (uint32_t)known->payload_min_bytes};
  }
  return known->answer(app, &in, out);
}

static void answer(sotto_app *app, const sotto_link_frame *frame) {
  sotto_writer out = {.bytes = app->reply, .capacity_bytes = sizeof app->reply};
  const outcome done = execute(app, frame, &out);
  uint8_t type = (uint8_t)(frame->type | SOTTO_LINK_REPLY_FLAG);
  if (done.error != SOTTO_LINK_ACCEPTED) {
    type = SOTTO_LINK_ERROR;
    sotto_write_u8(&out, (uint8_t)done.error);
    sotto_write_u8(&out, frame->type);
    sotto_write_u16(&out, 0);
    sotto_write_u32(&out, done.detail);
  }
  const sotto_link_frame reply = {.version = SOTTO_LINK_VERSION,
                                  .type = type,
                                  .request = frame->request,
                                  .payload = app->reply,
                                  .payload_bytes = out.length_bytes};
  const int wire_bytes = sotto_link_encode(&reply, app->wire, sizeof app->wire);
  if (wire_bytes > 0) {
    app->port->write(app->wire, (size_t)wire_bytes);
  }
  if (type == (SOTTO_LINK_RESET | SOTTO_LINK_REPLY_FLAG)) {
    app->port->reset();
  }
}

void sotto_app_receive(sotto_app *app, const uint8_t *data, size_t length_bytes) {
  while (length_bytes > 0) {
    size_t consumed = 0;
    sotto_link_frame frame;
    const sotto_link_event event =
        sotto_link_decode(&app->decoder, data, length_bytes, &consumed, &frame);
    if (event == SOTTO_LINK_FRAME) {
      app->frames_received++;
      if ((frame.type & SOTTO_LINK_REPLY_FLAG) == 0) { /* an echo of a reply is no request */
        answer(app, &frame);
      }
    } else if (event != SOTTO_LINK_NOTHING) {
      app->frames_corrupt++;
    }
    data += consumed;
    length_bytes -= consumed;
  }
}

bool sotto_app_capture(sotto_app *app) {
  return app->capture != NULL && app->capture->run(app);
}
