/* A stream of audio on its way through the listener, and the events that the host has not got yet.
 *
 * Its settings outlive the stream: they are the board's. */
#ifndef SOTTO_LISTENING_H
#define SOTTO_LISTENING_H

#include <stdint.h>

#include "clip.h"
#include "port.h"
#include "sotto/listener.h"
#include "sotto_listener.h"

/* Events kept for the host. No sample is taken while all of them wait. */
#define SOTTO_LISTENING_EVENTS 16u

#define SOTTO_LISTENING_NO_STREAM 0u

/* Numbers of settings: 1 .. this. */
#define SOTTO_LISTENING_LAST_SETTING \
  ((uint16_t)SOTTO_SETTING_THRESHOLD_Q15 + (uint16_t)SOTTO_MODEL_CLASSES - 1u)

/* A change of a setting: its number and its value. */
#define SOTTO_LISTENING_CHANGE_BYTES 4u

typedef struct sotto_listening {
  uint32_t id;             /* SOTTO_LISTENING_NO_STREAM: the engine's memory is not a listener's */
  uint32_t received;       /* position that is expected next, in samples; streams end before 2^32 */
  int status;              /* SOTTO_OK, or why the stream came to an end */
  uint32_t events;         /* heard since the stream began */
  uint32_t events_fetched; /* of them, those that the host has */
  uint32_t scores_crc32;   /* over the scores after each step */
  sotto_event
      last_events[SOTTO_LISTENING_EVENTS]; /* event n stands at n % SOTTO_LISTENING_EVENTS */
  sotto_listener listener;
  uint16_t settings[SOTTO_LISTENING_LAST_SETTING + 1u]; /* by number; [0] is none */
  uint16_t wanted[SOTTO_LISTENING_LAST_SETTING + 1u];   /* while they are being changed */
} sotto_listening;

/* Takes the generated settings over; no stream. */
void sotto_listening_init(sotto_listening *listening);

/* Forgets the stream before and begins another one. */
void sotto_listening_begin(sotto_listening *listening, sotto_engine *engine, const sotto_port *port,
                           uint32_t id);

/* Takes samples (int16, little endian) until `count_samples` are used up or the events that wait
 * leave no room: listening->received says how far it came. */
void sotto_listening_take(sotto_listening *listening, const uint8_t *pcm_s16le,
                          uint32_t count_samples);

/* Takes all of a microphone's samples, which do not wait: of the events that do, the oldest are
 * forgotten. */
void sotto_listening_hear(sotto_listening *listening, const int16_t *samples,
                          uint32_t count_samples);

/* The host has the first `count` events. */
void sotto_listening_fetched(sotto_listening *listening, uint32_t count);

/* Makes changes, also in the stream that is on its way, or none of them where one is wrong. Does
 * nothing when all values are those in force, so a change may be sent twice. `pairs`: `count` times
 * number u16 (1 .. SOTTO_LISTENING_LAST_SETTING), value u16. Returns SOTTO_SETTING_NONE, or the
 * number of the first setting whose value is out of its range. */
uint16_t sotto_listening_change(sotto_listening *listening, const uint8_t *pairs, uint32_t count);

#endif
