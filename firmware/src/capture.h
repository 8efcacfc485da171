/* The board listens to its own microphone: samples -> DC removal -> gain -> listener, and a while
 * of them kept for the host.
 *
 * The main loop empties the microphone's buffer; whatever the host does or leaves, that goes on. A
 * host may also feed samples as if they had been captured, for boards that have no microphone.
 */
#ifndef SOTTO_CAPTURE_H
#define SOTTO_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "listening.h"
#include "port.h"
#include "sotto/level.h"

/* Samples kept for the host, a power of two: half a second. */
#define SOTTO_CAPTURE_SAMPLES 8192u

#define SOTTO_CAPTURE_NO_STREAM 0u

/* How a capture stands; the numbers go over the link. */
typedef enum sotto_capture_state {
  SOTTO_CAPTURE_STOPPED = 0, /* what it captured is still there */
  SOTTO_CAPTURE_RUNS = 1,
  SOTTO_CAPTURE_UNKNOWN = 2, /* no such stream: never begun, or followed by another */
  SOTTO_CAPTURE_NO_MICROPHONE = 3,
  SOTTO_CAPTURE_OTHER_RATE = 4,    /* the microphone's rate is not the front-end's */
  SOTTO_CAPTURE_DID_NOT_START = 5, /* says the port */
} sotto_capture_state;

/* What to do with the samples; the sum goes over the link. */
typedef enum sotto_capture_choice {
  SOTTO_CAPTURE_LISTENS = 1, /* hear words in them */
  SOTTO_CAPTURE_FED = 2,     /* they come from the host, not from the microphone */
} sotto_capture_choice;

typedef struct sotto_capture {
  uint32_t stream; /* of the host's choice; SOTTO_CAPTURE_NO_STREAM before the first */
  sotto_capture_state state;
  uint8_t choices;
  uint16_t gain_q8;
  uint32_t samples;  /* captured since the stream began, modulo 2^32; sample n stands at
                      * n % SOTTO_CAPTURE_SAMPLES */
  uint32_t at_limit; /* of them, those that stand at a limit of int16 */
  uint32_t lost;     /* that the microphone's buffer had no room for */
  sotto_high_pass high_pass;
  int16_t kept[SOTTO_CAPTURE_SAMPLES];
} sotto_capture;

/* Ends the stream before and begins another; one that was begun stays as it is. `stream` is not
 * SOTTO_CAPTURE_NO_STREAM. `gain_q8`: 0 takes the microphone's own. Returns how it stands. */
sotto_capture_state sotto_capture_begin(sotto_capture *capture, const sotto_port *port,
                                        uint32_t stream, uint16_t gain_q8, uint8_t choices);

/* Ends the stream that runs; what it has captured stays. */
void sotto_capture_end(sotto_capture *capture, const sotto_port *port);

/* Moves what the microphone has to the listener, a block at most. Returns whether there was
 * anything. */
bool sotto_capture_run(sotto_capture *capture, const sotto_port *port, sotto_listening *listening);

/* Takes samples (int16, little endian) as if the microphone had given them. */
void sotto_capture_feed(sotto_capture *capture, sotto_listening *listening,
                        const uint8_t *pcm_s16le, uint32_t count_samples);

/* Position of the oldest sample that is kept, `wanted` or later. */
uint32_t sotto_capture_first_kept(const sotto_capture *capture, uint32_t wanted);

#endif
