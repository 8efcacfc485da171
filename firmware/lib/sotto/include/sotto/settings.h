/* Numbers of the settings that can be changed while a listener runs, in C and over the link. */
#ifndef SOTTO_SETTINGS_H
#define SOTTO_SETTINGS_H

/* Each setting is a u16. The threshold of class c is SOTTO_SETTING_THRESHOLD_Q15 + c. */
typedef enum sotto_setting {
  SOTTO_SETTING_NONE = 0,
  SOTTO_SETTING_STRIDE_FRAMES = 1,
  SOTTO_SETTING_SMOOTHING_STEPS = 2,
  SOTTO_SETTING_REFRACTORY_STEPS = 3,
  SOTTO_SETTING_HYSTERESIS_Q15 = 4,
  SOTTO_SETTING_GATE_MARGIN = 5,
  SOTTO_SETTING_GATE_HOLD_FRAMES = 6,
  SOTTO_SETTING_GATE_RISE_FRAMES = 7,
  SOTTO_SETTING_THRESHOLD_Q15 = 8,
} sotto_setting;

#endif
