/* The board's own microphone: what it is, what is heard by it, and its samples. docs/protocol.md
 * gives every byte. */
#include "answer.h"
#include "sotto/link.h"
#include "sotto/link_bytes.h"

#define FACTS_BYTES 12u
#define BEGIN_BYTES 8u
#define FEED_BYTES 8u
#define HEARD_BYTES 28u
#define SAMPLES_REPLY_BYTES 12u
#define SAMPLES_PER_REPLY \
  ((SOTTO_LINK_REPLY_MAX_BYTES - SAMPLES_REPLY_BYTES) / SOTTO_CLIP_SAMPLE_BYTES)

_Static_assert(FACTS_BYTES + 1u + SOTTO_TEXT_MAX_BYTES <= SOTTO_LINK_REPLY_MAX_BYTES,
               "MICROPHONE is too long");
_Static_assert(HEARD_BYTES + SOTTO_LISTENING_EVENTS * SOTTO_WORD_BYTES <=
                   SOTTO_LINK_REPLY_MAX_BYTES,
               "more words than a CAPTURE_HEARD holds");

static sotto_capture *capture_of(const sotto_app *app) {
  return app->capture->memory;
}

static bool knows(const sotto_app *app, uint32_t stream) {
  return stream != SOTTO_CAPTURE_NO_STREAM && capture_of(app)->stream == stream;
}

static sotto_capture_state state_of(const sotto_app *app, uint32_t stream) {
  return knows(app, stream) ? capture_of(app)->state : SOTTO_CAPTURE_UNKNOWN;
}

sotto_outcome sotto_answer_microphone(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  static const sotto_microphone none = {.name = ""};
  const sotto_microphone *known = app->port->microphone;
  const sotto_microphone *microphone = known != NULL ? known : &none;
  (void)in;
  sotto_write_u32(out, microphone->sample_rate_hz);
  sotto_write_u8(out, microphone->bits);
  sotto_write_u8(out, microphone->channels);
  sotto_write_u16(out, microphone->gain_q8);
  sotto_write_u32(out, app->capture != NULL ? SOTTO_CAPTURE_SAMPLES : 0u);
  sotto_write_text(out, microphone->name, SOTTO_TEXT_MAX_BYTES);
  return SOTTO_ACCEPTED;
}

static sotto_outcome answer_begin(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t stream = sotto_get_u32(in->payload);
  const uint16_t gain_q8 = sotto_get_u16(in->payload + 4);
  const uint8_t choices = in->payload[6];
  if (stream == SOTTO_CAPTURE_NO_STREAM) {
    return (sotto_outcome){SOTTO_LINK_E_RANGE, SOTTO_CAPTURE_NO_STREAM + 1u};
  }
  const bool begun = knows(app, stream);
  const sotto_capture_state state =
      sotto_capture_begin(capture_of(app), app->port, stream, gain_q8, choices);
  if (!begun && state == SOTTO_CAPTURE_RUNS && (choices & SOTTO_CAPTURE_LISTENS)) {
    sotto_forget_unfinished_clip(app);
    sotto_listening_begin(&app->listening, &app->engine, app->port, stream);
  }
  sotto_write_u32(out, stream);
  sotto_write_u8(out, (uint8_t)state);
  return SOTTO_ACCEPTED;
}

static sotto_outcome answer_end(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t stream = sotto_get_u32(in->payload);
  if (knows(app, stream)) {
    sotto_capture_end(capture_of(app), app->port);
  }
  sotto_write_u32(out, stream);
  sotto_write_u8(out, (uint8_t)state_of(app, stream));
  return SOTTO_ACCEPTED;
}

static sotto_outcome answer_heard(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t stream = sotto_get_u32(in->payload);
  const sotto_capture *capture = capture_of(app);
  const sotto_listening *listening = &app->listening;
  const bool known = knows(app, stream);
  const bool listens = known && listening->id == stream;
  const uint32_t first = listens ? sotto_first_word(listening, sotto_get_u32(in->payload + 4)) : 0;
  sotto_write_u32(out, stream);
  sotto_write_u8(out, (uint8_t)state_of(app, stream));
  sotto_write_u8(out, listens);
  sotto_write_u16(out, (uint16_t)(known ? sotto_high_pass_mean(&capture->high_pass) : 0));
  sotto_write_u32(out, known ? capture->samples : 0);
  sotto_write_u32(out, known ? capture->lost : 0);
  sotto_write_u32(out, known ? capture->at_limit : 0);
  sotto_write_u32(out, first);
  sotto_write_u8(out, (uint8_t)(listens ? listening->events - first : 0));
  sotto_write_u8(out, (uint8_t)(listens ? listening->status : SOTTO_OK));
  sotto_write_u16(out, known ? capture->gain_q8 : 0);
  if (listens) {
    sotto_write_words(listening, first, out);
  }
  return SOTTO_ACCEPTED;
}

static sotto_outcome answer_samples(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t stream = sotto_get_u32(in->payload);
  const sotto_capture *capture = capture_of(app);
  const bool known = knows(app, stream);
  const uint32_t end = known ? capture->samples : 0;
  const uint32_t first =
      known ? sotto_capture_first_kept(capture, sotto_get_u32(in->payload + 4)) : 0;
  const uint32_t count = end - first < SAMPLES_PER_REPLY ? end - first : SAMPLES_PER_REPLY;
  sotto_write_u32(out, stream);
  sotto_write_u32(out, first);
  sotto_write_u32(out, end);
  for (uint32_t i = 0; i < count; i++) {
    sotto_write_u16(out, (uint16_t)capture->kept[(first + i) % SOTTO_CAPTURE_SAMPLES]);
  }
  return SOTTO_ACCEPTED;
}

static sotto_outcome answer_feed(sotto_app *app, const sotto_request *in, sotto_writer *out) {
  const uint32_t stream = sotto_get_u32(in->payload);
  const uint32_t offset = sotto_get_u32(in->payload + 4);
  const size_t data_bytes = in->payload_bytes - FEED_BYTES;
  const uint32_t count = (uint32_t)(data_bytes / SOTTO_CLIP_SAMPLE_BYTES);
  sotto_capture *capture = capture_of(app);
  if (data_bytes % SOTTO_CLIP_SAMPLE_BYTES != 0) {
    return (sotto_outcome){SOTTO_LINK_E_LENGTH, FEED_BYTES + count * SOTTO_CLIP_SAMPLE_BYTES};
  }
  const bool fed =
      state_of(app, stream) == SOTTO_CAPTURE_RUNS && (capture->choices & SOTTO_CAPTURE_FED) != 0;
  if (fed && offset == capture->samples) {
    sotto_capture_feed(capture, &app->listening, in->payload + FEED_BYTES, count);
  }
  sotto_write_u32(out, stream);
  sotto_write_u32(out, fed ? capture->samples : 0);
  return SOTTO_ACCEPTED;
}

static const sotto_command COMMANDS[] = {
    {SOTTO_LINK_CAPTURE_BEGIN, BEGIN_BYTES, BEGIN_BYTES, answer_begin},
    {SOTTO_LINK_CAPTURE_END, 4, 4, answer_end},
    {SOTTO_LINK_CAPTURE_HEARD, 8, 8, answer_heard},
    {SOTTO_LINK_CAPTURE_SAMPLES, 8, 8, answer_samples},
    {SOTTO_LINK_CAPTURE_FEED, FEED_BYTES, SOTTO_LINK_PAYLOAD_MAX_BYTES, answer_feed},
};

static sotto_capture memory;

static bool run(sotto_app *app) {
  return sotto_capture_run(capture_of(app), app->port, &app->listening);
}

const struct sotto_capture_part sotto_capture_part = {
    .commands = {COMMANDS, sizeof COMMANDS / sizeof COMMANDS[0]},
    .memory = &memory,
    .run = run,
};
