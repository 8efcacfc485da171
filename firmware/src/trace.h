/* Computes a clip anew and shows what each stage wrote: nothing is kept for it beforehand.
 *
 * The front-end's stages come from the samples of one window, which the host sends again. The
 * network's and the detector's come from the features of the clip that the board holds. Both work
 * in the engine's memory: no clip or stream may be on its way. */
#ifndef SOTTO_TRACE_H
#define SOTTO_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "clip.h"
#include "port.h"

/* Stages of a step behind its layers. The first has the number of layers that the back-end shows.
 */
typedef enum sotto_trace_tail {
  SOTTO_TRACE_SCORES,     /* s8[classes] */
  SOTTO_TRACE_POSTERIORS, /* u16[classes], Q15 */
  SOTTO_TRACE_AVERAGES,   /* u16[classes], Q15, by the generated settings */
  SOTTO_TRACE_DECISION,   /* u8[2]: index of the greatest score, of the word that is heard */
  SOTTO_TRACE_TAILS,
} sotto_trace_tail;

#define SOTTO_TRACE_NO_WORD UINT8_MAX

/* What a stage of a step wrote, and what it took. */
typedef struct sotto_trace_seen {
  uint32_t step;
  uint32_t stage; /* layers, then sotto_trace_tail */
  uint32_t ticks; /* averages: with their posteriors */
  const void *data;
  size_t length_bytes;
} sotto_trace_seen;

typedef struct sotto_trace_tap {
  void (*see)(void *context, const sotto_trace_seen *seen);
  void *context;
} sotto_trace_tap;

/* Takes the first `steps` steps of the features anew, from a reset on. Returns the number of stages
 * of a step, or a negative status. */
int sotto_trace_steps(sotto_engine *engine, const sotto_port *port, const sotto_clip *clip,
                      uint32_t steps, const sotto_trace_tap *tap) SOTTO_WARN_UNUSED;

/* One window of samples through the front-end. `pcm_s16le`: [SOTTO_FRONTEND_WINDOW_SAMPLES].
 * `began` is set to ticks() when all samples but the last few are in. Returns SOTTO_OK or a
 * negative status. */
int sotto_trace_window(sotto_engine *engine, const sotto_port *port, const uint8_t *pcm_s16le,
                       const sotto_frontend_tap *tap, uint32_t *began) SOTTO_WARN_UNUSED;

#endif
