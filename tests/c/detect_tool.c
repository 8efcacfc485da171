/* Runs detection on what stdin says, so that a test can compare it with a plain model.
 *
 * Little endian: u16 kind, classes, smoothing_steps_max, smoothing_steps, refractory_steps,
 * hysteresis_q15, exp_entries; u16 threshold_q15[classes]; u16 exp_q15[exp_entries]; then for each
 * step a byte that says whether the network ran and int8 scores[classes]. Prints for each step the
 * class heard or -1, the event's step and average, then the average of each class. A refusal prints
 * "refused STATUS SETTING".
 */
#include <stdio.h>
#include <stdlib.h>

#include "sotto/detect.h"

enum { KIND, CLASSES, STEPS_MAX, SMOOTHING, REFRACTORY, HYSTERESIS, ENTRIES, FIELDS };

static void print_step(const sotto_detect *detect, int heard, const sotto_detection *event) {
  printf("%d %u %u", heard ? (int)event->class_index : -1, heard ? (unsigned)event->step : 0,
         heard ? (unsigned)event->average_q15 : 0);
  for (uint16_t c = 0; c < detect->scores->classes; c++) {
    printf(" %u", sotto_detect_average_q15(detect, c));
  }
  printf("\n");
}

int main(void) {
  static uint16_t exp_q15[UINT16_MAX];
  static uint16_t threshold_q15[UINT16_MAX];
  uint16_t fields[FIELDS];
  if (fread(fields, 2, FIELDS, stdin) != FIELDS ||
      fread(threshold_q15, 2, fields[CLASSES], stdin) != fields[CLASSES] ||
      fread(exp_q15, 2, fields[ENTRIES], stdin) != fields[ENTRIES]) {
    return 1;
  }
  const sotto_scores scores = {(sotto_score_kind)fields[KIND], fields[CLASSES], exp_q15,
                               fields[ENTRIES]};
  const sotto_detect_settings settings = {fields[SMOOTHING], fields[REFRACTORY], fields[HYSTERESIS],
                                          threshold_q15};
  const size_t bytes = SOTTO_DETECT_WORKSPACE_SIZE((size_t)fields[CLASSES], fields[STEPS_MAX]);
  void *workspace = malloc(bytes); /* exactly as much as is promised to be enough */
  int8_t *step_scores = malloc(fields[CLASSES]);
  sotto_detect detect;
  const int status =
      sotto_detect_init(&detect, &scores, workspace, bytes, fields[STEPS_MAX], &settings);
  if (status != SOTTO_OK) {
    printf("refused %d %d\n", status,
           (int)sotto_detect_check(&settings, fields[CLASSES], fields[STEPS_MAX]));
  }
  int ran;
  while (status == SOTTO_OK && (ran = getchar()) != EOF &&
         fread(step_scores, 1, fields[CLASSES], stdin) == fields[CLASSES]) {
    sotto_detection event;
    const int heard =
        ran ? sotto_detect_step(&detect, step_scores, &event) : sotto_detect_skip(&detect, &event);
    print_step(&detect, heard, &event);
  }
  free(step_scores);
  free(workspace);
  return 0;
}
