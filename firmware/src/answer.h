/* How a request is answered: what every family of commands shares. */
#ifndef SOTTO_ANSWER_H
#define SOTTO_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "commands.h"
#include "self_test.h"
#include "sotto/link_messages.h"
#include "writer.h"

#define SOTTO_TEXT_MAX_BYTES 35u

/* A word in a reply: sample u32, class u16, average u16. */
#define SOTTO_WORD_BYTES 8u

typedef struct sotto_request {
  const uint8_t *payload;
  size_t payload_bytes; /* within the command's limits */
} sotto_request;

/* What a handler answers: its reply's fields, or why it refuses. */
typedef struct sotto_outcome {
  sotto_link_error error;
  uint32_t detail;
} sotto_outcome;

#define SOTTO_ACCEPTED ((sotto_outcome){SOTTO_LINK_ACCEPTED, 0})

typedef struct sotto_command {
  uint8_t type;
  size_t payload_min_bytes;
  size_t payload_max_bytes;
  sotto_outcome (*answer)(sotto_app *app, const sotto_request *in, sotto_writer *out);
} sotto_command;

/* A table of commands; `count` of them. */
typedef struct sotto_command_family {
  const sotto_command *commands;
  size_t count;
} sotto_command_family;

/* What the board's microphone is (microphone_commands.c). */
sotto_outcome sotto_answer_microphone(sotto_app *app, const sotto_request *in, sotto_writer *out);

/* All that only the firmware of a board with a microphone has: sotto_capture_part of microphone.h,
 * in microphone_commands.c. */
struct sotto_capture_part {
  sotto_command_family commands; /* 0x11 to 0x17 */
  sotto_capture *memory;

  /* Takes a block of samples, if the microphone runs. Returns whether there was one. */
  bool (*run)(sotto_app *app);
};

/* How the board fares, and what it computes stage by stage: 0x18 to 0x1F (twin_commands.c). */
extern const sotto_command_family sotto_twin_commands;

/* What the board knows of clip `id`. */
sotto_result_state sotto_clip_state(const sotto_clip *clip, uint32_t id);

/* Others need the engine's memory: a clip that is still being received is forgotten. */
void sotto_forget_unfinished_clip(sotto_app *app);

/* Number of the oldest word of a stream from `wanted` on that the board still has, or how many it
 * has heard. */
uint32_t sotto_first_word(const sotto_listening *listening, uint32_t wanted);

/* The words of a stream from number `first` on, as a LISTEN reply has them. */
void sotto_write_words(const sotto_listening *listening, uint32_t first, sotto_writer *out);

/* The fields of a SELF_TEST reply. */
void sotto_write_self_test(const sotto_self_test_result *result, sotto_writer *out);

#endif
