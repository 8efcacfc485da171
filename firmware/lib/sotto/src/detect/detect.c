#include "sotto/detect.h"

#include <string.h>

static int scores_are_valid(const sotto_scores *scores) {
  const int logits = scores->kind == SOTTO_SCORES_LOGITS_S8;
  return scores->classes >= (logits ? 2 : 1) && scores->classes <= SOTTO_DETECT_MAX_CLASSES &&
         (!logits || (scores->exp_q15 != NULL && scores->exp_entries >= 1 &&
                      scores->exp_entries <= SOTTO_DETECT_DISTANCES &&
                      scores->exp_q15[0] == SOTTO_DETECT_ONE_Q15));
}

uint16_t sotto_detect_check(const sotto_detect_settings *settings, uint16_t classes,
                            uint16_t smoothing_steps_max) {
  if (settings->smoothing_steps < 1 || settings->smoothing_steps > smoothing_steps_max) {
    return SOTTO_SETTING_SMOOTHING_STEPS;
  }
  for (uint16_t c = 0; c < classes; c++) {
    const uint16_t threshold_q15 = settings->threshold_q15[c];
    if (threshold_q15 > SOTTO_DETECT_ONE_Q15) {
      return (uint16_t)(SOTTO_SETTING_THRESHOLD_Q15 + c);
    }
    if (threshold_q15 > 0 && threshold_q15 <= settings->hysteresis_q15) {
      return SOTTO_SETTING_HYSTERESIS_Q15;
    }
  }
  return SOTTO_SETTING_NONE;
}

int sotto_detect_init(sotto_detect *detect, const sotto_scores *scores, void *workspace,
                      size_t workspace_bytes, uint16_t smoothing_steps_max,
                      const sotto_detect_settings *settings) {
  if (detect == NULL || scores == NULL || workspace == NULL ||
      (uintptr_t)workspace % SOTTO_DETECT_WORKSPACE_ALIGN != 0 || !scores_are_valid(scores) ||
      smoothing_steps_max > SOTTO_DETECT_MAX_SMOOTHING_STEPS) {
    return SOTTO_E_ARGUMENT;
  }
  const size_t classes = scores->classes;
  if (workspace_bytes < SOTTO_DETECT_WORKSPACE_SIZE(classes, smoothing_steps_max)) {
    return SOTTO_E_SIZE;
  }
  detect->scores = scores;
  detect->smoothing_steps_max = smoothing_steps_max;
  detect->sum_q15 = workspace;
  detect->history_q15 = (uint16_t *)(detect->sum_q15 + classes);
  detect->armed = (uint8_t *)(detect->history_q15 + classes * smoothing_steps_max);
  return sotto_detect_configure(detect, settings);
}

int sotto_detect_configure(sotto_detect *detect, const sotto_detect_settings *settings) {
  if (settings == NULL || settings->threshold_q15 == NULL ||
      sotto_detect_check(settings, detect->scores->classes, detect->smoothing_steps_max) !=
          SOTTO_SETTING_NONE) {
    return SOTTO_E_ARGUMENT;
  }
  detect->settings = *settings;
  sotto_detect_reset(detect);
  return SOTTO_OK;
}

void sotto_detect_reset(sotto_detect *detect) {
  const size_t classes = detect->scores->classes;
  memset(detect->sum_q15, 0, classes * sizeof *detect->sum_q15);
  memset(detect->history_q15, 0,
         classes * detect->smoothing_steps_max * sizeof *detect->history_q15);
  memset(detect->armed, 1, classes);
  detect->oldest = 0;
  detect->quiet = 0;
  detect->step = 0;
}

/* The row of the step that leaves the average. */
static uint16_t *oldest_row(const sotto_detect *detect) {
  return detect->history_q15 + (size_t)detect->oldest * detect->scores->classes;
}

static void add_row(sotto_detect *detect, const uint16_t *posterior_q15) {
  for (uint16_t c = 0; c < detect->scores->classes; c++) {
    detect->sum_q15[c] += posterior_q15[c]; /* <= 2^15 smoothing_steps <= 2^25 */
  }
}

static void remove_row(sotto_detect *detect, const uint16_t *posterior_q15) {
  for (uint16_t c = 0; c < detect->scores->classes; c++) {
    detect->sum_q15[c] -= posterior_q15[c];
  }
}

/* Sums and thresholds are compared, so no average is divided or rounded: sum >= threshold * steps.
 * Returns the class that is due, or `classes`. */
static uint16_t due_class(sotto_detect *detect) {
  const uint16_t classes = detect->scores->classes;
  const sotto_detect_settings *settings = &detect->settings;
  uint16_t due = classes;
  uint32_t greatest_q15 = 0;
  for (uint16_t c = 0; c < classes; c++) {
    const uint32_t threshold_q15 = settings->threshold_q15[c];
    const uint32_t sum_q15 = detect->sum_q15[c];
    if (threshold_q15 == 0) {
      continue;
    }
    if (sum_q15 < (threshold_q15 - settings->hysteresis_q15) * settings->smoothing_steps) {
      detect->armed[c] = 1;
    }
    if (detect->armed[c] && sum_q15 >= threshold_q15 * settings->smoothing_steps &&
        sum_q15 > greatest_q15) {
      due = c;
      greatest_q15 = sum_q15;
    }
  }
  return due;
}

/* Makes the row of this step part of the past. Returns whether an event was written. */
static int end_step(sotto_detect *detect, sotto_detection *event) {
  const uint16_t due = due_class(detect);
  const uint32_t step = detect->step++;
  detect->oldest++;
  if (detect->oldest == detect->settings.smoothing_steps) {
    detect->oldest = 0;
  }
  if (detect->quiet > 0) {
    detect->quiet--;
    return 0;
  }
  if (due == detect->scores->classes) {
    return 0;
  }
  detect->armed[due] = 0;
  detect->quiet = detect->settings.refractory_steps;
  event->class_index = due;
  event->average_q15 = sotto_detect_average_q15(detect, due);
  event->step = step;
  return 1;
}

int sotto_detect_step(sotto_detect *detect, const int8_t *scores, sotto_detection *event) {
  uint16_t *row = oldest_row(detect);
  remove_row(detect, row);
  sotto_detect_posteriors(detect->scores, scores, row);
  add_row(detect, row);
  return end_step(detect, event);
}

int sotto_detect_skip(sotto_detect *detect, sotto_detection *event) {
  uint16_t *row = oldest_row(detect);
  remove_row(detect, row);
  memset(row, 0, detect->scores->classes * sizeof *row);
  return end_step(detect, event);
}

uint16_t sotto_detect_average_q15(const sotto_detect *detect, uint16_t class_index) {
  return (uint16_t)(detect->sum_q15[class_index] / detect->settings.smoothing_steps);
}
