/* What stm32_microphone_tool.c asks of the model of a port's microphone and DMA. */
#ifndef MICROPHONE_MODEL_H
#define MICROPHONE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "microphone.h"

extern const sotto_microphone *const model_microphone;
extern const uint32_t model_irq;
extern const uint8_t model_pin_function;

/* The port waits for a ready bit. */
void model_poll(void);

/* DMA takes what the next bits of the standard input are; false at their end. */
bool model_transfer(void);

/* Speed of the microphone's line as the registers have it, 0: it stands still. */
uint32_t model_line_hz(void);

/* A number of the environment; 0 without one. */
uint32_t number_of(const char *variable);

#endif
