/* Many settings of the detector, tried on the same scores or on audio.
 *
 * In: a uint32_t count of settings, then for each uint16_t smoothing_steps, refractory_steps,
 * hysteresis_q15 and threshold_q15[classes]. Out: an event is uint32_t step, uint16_t class,
 * uint16_t average_q15; one with the step UINT32_MAX ends the events of a recording under a
 * setting. Scores are described by the generated sotto_listener_default_model.
 */
#ifndef SOTTO_EVALUATE_DETECTOR_H
#define SOTTO_EVALUATE_DETECTOR_H

#include <stdint.h>

#include "sotto/detect.h"
#include "sotto_model.h"

/* Most settings of one run. */
#define DETECTOR_MAX_SETTINGS 4096u

/* Reads the settings; returns how many there are. */
uint32_t detector_read_settings(void);

/* The setting of that number, < the count read; valid until others are read. */
sotto_detect_settings detector_settings(uint32_t setting);

/* Begins a recording with a setting. */
void detector_begin(uint32_t setting);

/* One step; its event is written. */
void detector_step(const int8_t scores_s8[SOTTO_MODEL_CLASSES]);

/* Writes an event of a step that is counted from the beginning of the recording. */
void detector_write(uint32_t step, uint16_t class_index, uint16_t average_q15);

/* Ends the recording. */
void detector_end(void);

#endif
