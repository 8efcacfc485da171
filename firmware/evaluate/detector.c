#include "detector.h"

#include "pipe.h"
#include "sotto_listener.h"

typedef struct written_event {
  uint32_t step;
  uint16_t class_index;
  uint16_t average_q15;
} written_event;

typedef struct read_settings {
  uint16_t smoothing_steps;
  uint16_t refractory_steps;
  uint16_t hysteresis_q15;
  uint16_t threshold_q15[SOTTO_MODEL_CLASSES];
} read_settings;

static read_settings settings[DETECTOR_MAX_SETTINGS];
static sotto_detect detector;
static _Alignas(SOTTO_DETECT_WORKSPACE_ALIGN) uint8_t
    workspace[SOTTO_DETECT_WORKSPACE_SIZE(SOTTO_MODEL_CLASSES, SOTTO_DETECT_MAX_SMOOTHING_STEPS)];

uint32_t detector_read_settings(void) {
  uint32_t count = 0;
  pipe_read(&count, sizeof count);
  if (count == 0 || count > DETECTOR_MAX_SETTINGS) {
    pipe_require(SOTTO_E_SIZE, "no settings, or too many");
  }
  pipe_read(settings, count * sizeof settings[0]);
  return count;
}

sotto_detect_settings detector_settings(uint32_t setting) {
  const read_settings *one = &settings[setting];
  return (sotto_detect_settings){one->smoothing_steps, one->refractory_steps, one->hysteresis_q15,
                                 one->threshold_q15};
}

void detector_begin(uint32_t setting) {
  const sotto_detect_settings chosen = detector_settings(setting);
  pipe_require(sotto_detect_init(&detector, &sotto_listener_default_model.scores, workspace,
                                 sizeof workspace, SOTTO_DETECT_MAX_SMOOTHING_STEPS, &chosen),
               "a setting of the detector is out of its range");
}

void detector_step(const int8_t scores_s8[SOTTO_MODEL_CLASSES]) {
  sotto_detection event;
  if (sotto_detect_step(&detector, scores_s8, &event) == 1) {
    detector_write(event.step, event.class_index, event.average_q15);
  }
}

void detector_write(uint32_t step, uint16_t class_index, uint16_t average_q15) {
  const written_event written = {step, class_index, average_q15};
  pipe_write(&written, sizeof written);
}

void detector_end(void) {
  detector_write(UINT32_MAX, 0, 0);
}
