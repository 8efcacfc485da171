/* Audio in, words out: front-end, gate, network and detection over a stream that never ends.
 *
 *   samples -> front-end -> features -> gate -> network -> scores -> detection -> event
 *
 * For networks of both forms. A window network sees its last `frames` frames anew at each step, and
 * a step is made every stride_frames. A streaming network takes `frames` new frames a step and
 * keeps the past in its state. Scores are given to detection once a whole window has gone in.
 *
 * A closed gate skips the network; the step counts as one without any word. A window network misses
 * nothing by that. A streaming network's state is kept as it is, and the last `preroll_steps` steps
 * of features are kept, too: when the gate opens the network takes those first, so it hears the
 * stream with the silence before them cut out. No step costs more than preroll_steps + 1
 * inferences.
 *
 * generated/sotto_listener.h has the constants of the model, the size of the workspace and the
 * default settings. How to tune: docs/detect.md.
 */
#ifndef SOTTO_LISTENER_H
#define SOTTO_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/detect.h"
#include "sotto/frontend.h"
#include "sotto/gate.h"
#include "sotto/settings.h"
#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a network is to a listener. Read only; may live in flash. */
typedef struct sotto_listener_model {
  const sotto_frontend_tables *tables;
  sotto_scores scores;
  uint16_t frames;        /* that one invoke takes, 1 or more */
  uint16_t window_frames; /* that scores speak of: `frames`, or more for a streaming network, which
                           * has heard a window after its whole steps */
  uint16_t preroll_steps; /* kept while the gate is closed; 0 for a window network */
  uint16_t smoothing_steps_max;

  /* The contract of sotto/model.h. */
  int (*init)(void *arena, size_t arena_bytes);
  int (*reset)(void *arena, size_t arena_bytes);
  int (*invoke)(void *arena, size_t arena_bytes, const int8_t *features_s8, int8_t *scores_s8);
} sotto_listener_model;

typedef struct sotto_listener_settings {
  /* Frames between two steps: 1 .. `frames`; for a streaming network `frames`. */
  uint16_t stride_frames;
  sotto_gate_settings gate;
  sotto_detect_settings detect;
} sotto_listener_settings;

/* Bytes of workspace. Each part begins at a multiple of 4. */
#define SOTTO_LISTENER_ROUND_UP(bytes) (((bytes) + 3u) / 4u * 4u)
#define SOTTO_LISTENER_FEATURE_BYTES(frames, preroll_steps, bins) \
  SOTTO_LISTENER_ROUND_UP(((preroll_steps) + 1u) * (frames) * (bins))
#define SOTTO_LISTENER_DETECT_BYTES(classes, smoothing_steps_max) \
  SOTTO_LISTENER_ROUND_UP(SOTTO_DETECT_WORKSPACE_SIZE(classes, smoothing_steps_max))
#define SOTTO_LISTENER_WORKSPACE_SIZE(frontend_bytes, frames, preroll_steps, bins, classes, \
                                      smoothing_steps_max)                                  \
  ((frontend_bytes) + SOTTO_LISTENER_FEATURE_BYTES(frames, preroll_steps, bins) +           \
   SOTTO_LISTENER_DETECT_BYTES(classes, smoothing_steps_max) +                              \
   SOTTO_LISTENER_ROUND_UP(2u * (classes)) + SOTTO_LISTENER_ROUND_UP(classes))

/* Alignment of the workspace; the arena is aligned to 16. */
#define SOTTO_LISTENER_WORKSPACE_ALIGN 4

/* What has been done since the reset. Counters wrap. */
typedef struct sotto_listener_statistics {
  uint32_t frames;
  uint32_t steps;         /* scores given to detection, or skipped */
  uint32_t steps_skipped; /* by the gate */
  uint32_t invokes;
  uint32_t events;
  uint64_t ticks_frontend; /* 0 without a counter */
  uint64_t ticks_network;
  uint64_t ticks_detect; /* gate and detection */
} sotto_listener_statistics;

/* State. Read what you like; only `ticks` may be written, after init: a free-running counter, or
 * NULL. */
typedef struct sotto_listener {
  const sotto_listener_model *model;
  sotto_listener_settings settings; /* its thresholds lie in the workspace */
  sotto_frontend frontend;
  sotto_gate gate;
  sotto_detect detect;
  sotto_listener_statistics statistics;
  uint32_t (*ticks)(void);
  void *arena;
  size_t arena_bytes;
  uint64_t samples;        /* taken since the reset */
  uint32_t frames_held;    /* in `features_s8` */
  uint32_t frames_missing; /* before the next step */
  uint32_t frames_to_warm; /* that the network has not heard yet of its first window */
  uint8_t open;            /* the gate, after the last frame */
  int8_t *features_s8;     /* [(preroll_steps + 1) * frames][bins], oldest first */
  int8_t *scores_s8;       /* [classes] of the last inference */
  uint16_t *threshold_q15; /* [classes] */
} sotto_listener;

/* One word heard. */
typedef struct sotto_event {
  uint16_t class_index;
  uint16_t average_q15; /* of its posterior; >= its threshold */
  uint64_t sample;      /* samples from the reset to the end of the frame that decided */
} sotto_event;

/* What sotto_listener_push returns when it has not failed. */
typedef enum sotto_heard {
  SOTTO_HEARD_NOTHING = 0, /* all samples taken */
  SOTTO_HEARD_STEP = 1,    /* a step was made: there may be samples left */
  SOTTO_HEARD_WORD = 2,    /* a step was made, and `event` was written */
} sotto_heard;

/* Binds model, arena and workspace, kept by the caller for as long as the listener is used,
 * prepares the model, copies `settings` and resets. Returns SOTTO_OK, SOTTO_E_ARGUMENT (null or
 * misaligned pointer, value out of range: sotto_listener_check says which setting), SOTTO_E_SIZE
 * (arena or workspace too small) or what the model's init returned. */
int sotto_listener_init(sotto_listener *listener, const sotto_listener_model *model, void *arena,
                        size_t arena_bytes, void *workspace, size_t workspace_bytes,
                        const sotto_listener_settings *settings) SOTTO_WARN_UNUSED;

/* Number of the first setting that is out of its range, or SOTTO_SETTING_NONE. */
uint16_t sotto_listener_check(const sotto_listener_model *model,
                              const sotto_listener_settings *settings) SOTTO_WARN_UNUSED;

/* Takes other settings, copied, while listening: samples, features and the network's state stay;
 * floor, averages and refractory time begin anew. Returns SOTTO_OK or SOTTO_E_ARGUMENT; then
 * nothing has changed. */
int sotto_listener_configure(sotto_listener *listener,
                             const sotto_listener_settings *settings) SOTTO_WARN_UNUSED;

/* Forgets all that was heard; settings stay. Returns what the model's reset returned. */
int sotto_listener_reset(sotto_listener *listener) SOTTO_WARN_UNUSED;

/* Takes samples until a step is made. Writes how many of `count` were taken to `consumed`. Returns
 * a sotto_heard, or the negative status of front-end or network. How the samples are cut into calls
 * changes nothing. */
int sotto_listener_push(sotto_listener *listener, const int16_t *samples, size_t count,
                        size_t *consumed, sotto_event *event) SOTTO_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
#endif
