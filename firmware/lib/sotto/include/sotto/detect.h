/* Detection: the scores of each step -> posteriors -> their moving average -> at most one event.
 *
 * Only integers; the same scores and settings always give the same events. The cost of a step
 * depends on the number of classes alone. Formulas, errors and how to tune: docs/detect.md.
 *
 * A step is one answer of the network. The caller owns every byte: the description of the scores
 * (constants, written by training/export), settings, state and workspace.
 */
#ifndef SOTTO_DETECT_H
#define SOTTO_DETECT_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/settings.h"
#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 1.0 as a posterior or a threshold. */
#define SOTTO_DETECT_ONE_Q15 32768u

/* Values that the distance of two int8 logits can have: 0 .. 255. */
#define SOTTO_DETECT_DISTANCES 256u

#define SOTTO_DETECT_MAX_CLASSES 255
#define SOTTO_DETECT_MAX_SMOOTHING_STEPS 1024

/* What a score byte is. */
typedef enum sotto_score_kind {
  SOTTO_SCORES_LOGITS_S8,      /* int8 logits: softmax over all classes */
  SOTTO_SCORES_PROBABILITY_S8, /* int8, scale 1/256, zero point -128: SOFTMAX, LOGISTIC */
  SOTTO_SCORES_PROBABILITY_U8, /* uint8, scale 1/256, zero point 0: LOGISTIC of microWakeWord */
} sotto_score_kind;

/* What the network's scores are. Read only; may live in flash. */
typedef struct sotto_scores {
  sotto_score_kind kind;
  uint16_t classes; /* 1 .. SOTTO_DETECT_MAX_CLASSES; logits: 2 at least */

  /* Logits: [exp_entries], round(2^15 exp(-distance * scale of the scores)), so the first value is
   * SOTTO_DETECT_ONE_Q15; further distances count 0. Other kinds: not read. */
  const uint16_t *exp_q15;
  uint16_t exp_entries; /* 1 .. SOTTO_DETECT_DISTANCES */
} sotto_scores;

/* When scores are an event. */
typedef struct sotto_detect_settings {
  /* Steps that a posterior is averaged over: 1 .. smoothing_steps_max of init. */
  uint16_t smoothing_steps;

  /* Steps after an event that give none, of any class: two words never share a time. */
  uint16_t refractory_steps;

  /* After its event a class gives no other one until its average has been below
   * threshold - hysteresis. 0 .. the least threshold in use - 1. */
  uint16_t hysteresis_q15;

  /* [classes], kept by the caller. 1 .. SOTTO_DETECT_ONE_Q15: an average of at least this is an
   * event. 0: this class gives no events (_unknown_, _silence_, a word that is switched off). */
  const uint16_t *threshold_q15;
} sotto_detect_settings;

/* Bytes of workspace: sums (u32), history (u16), which classes are armed (u8). */
#define SOTTO_DETECT_WORKSPACE_SIZE(classes, smoothing_steps_max) \
  (4u * (classes) + 2u * (classes) * (smoothing_steps_max) + 1u * (classes))

/* Alignment of the workspace. */
#define SOTTO_DETECT_WORKSPACE_ALIGN 4

/* State. The fields are private. */
typedef struct sotto_detect {
  const sotto_scores *scores;
  sotto_detect_settings settings;
  uint16_t smoothing_steps_max;
  uint16_t oldest;       /* row of `history_q15` that the next step replaces, < smoothing_steps */
  uint16_t quiet;        /* steps of the refractory time that are left */
  uint32_t step;         /* steps since the reset; wraps */
  uint32_t *sum_q15;     /* [classes], of `history_q15` */
  uint16_t *history_q15; /* [smoothing_steps_max][classes] */
  uint8_t *armed;        /* [classes] */
} sotto_detect;

/* One word heard. */
typedef struct sotto_detection {
  uint16_t class_index;
  uint16_t average_q15; /* of the posterior, rounded down; >= the threshold */
  uint32_t step;        /* counted from 0 at the reset; wraps */
} sotto_detection;

/* Binds `scores` and `workspace` (SOTTO_DETECT_WORKSPACE_ALIGN aligned), both kept by the caller
 * for as long as `detect` is used, takes `settings` over and resets. Returns SOTTO_OK,
 * SOTTO_E_ARGUMENT (null or misaligned pointer, value out of range: sotto_detect_check says which
 * setting) or SOTTO_E_SIZE (workspace too small). */
int sotto_detect_init(sotto_detect *detect, const sotto_scores *scores, void *workspace,
                      size_t workspace_bytes, uint16_t smoothing_steps_max,
                      const sotto_detect_settings *settings) SOTTO_WARN_UNUSED;

/* Number of the first setting that is out of its range, or SOTTO_SETTING_NONE. */
uint16_t sotto_detect_check(const sotto_detect_settings *settings, uint16_t classes,
                            uint16_t smoothing_steps_max) SOTTO_WARN_UNUSED;

/* Takes other settings and forgets the past, like a reset. Returns SOTTO_OK or SOTTO_E_ARGUMENT;
 * then nothing has changed. */
int sotto_detect_configure(sotto_detect *detect,
                           const sotto_detect_settings *settings) SOTTO_WARN_UNUSED;

/* Forgets all scores and events. Until smoothing_steps steps have come, the missing ones count as
 * posteriors of 0. */
void sotto_detect_reset(sotto_detect *detect);

/* One step. `scores`: [classes] bytes. Returns 1 when `event` was written, otherwise 0. Of several
 * classes that are due, the one with the greatest average is the event, the lowest on ties. */
int sotto_detect_step(sotto_detect *detect, const int8_t *scores,
                      sotto_detection *event) SOTTO_WARN_UNUSED;

/* One step that the network did not run for: all posteriors are 0, and time passes. Returns as
 * sotto_detect_step: the refractory time may end while an average is still high. */
int sotto_detect_skip(sotto_detect *detect, sotto_detection *event) SOTTO_WARN_UNUSED;

/* Posteriors of one step, `posterior_q15[classes]`, without any state. They sum to one with an
 * error of classes / 2 units at most; each is within 1 + (classes - 1) / 2 units of its formula. */
void sotto_detect_posteriors(const sotto_scores *scores, const int8_t *step_scores,
                             uint16_t *posterior_q15);

/* Average of a class after the last step, rounded down. `class_index` < classes. */
uint16_t sotto_detect_average_q15(const sotto_detect *detect, uint16_t class_index);

#ifdef __cplusplus
}
#endif
#endif
