/* An INMP441 on the I2S bus (TDK DS-INMP441): L/R to ground, 24 bits in slots of 32. */
#ifndef INMP441_H
#define INMP441_H

#include <stdbool.h>

#include "port.h"

extern const sotto_microphone inmp441;

/* Whether samples are coming in. */
bool inmp441_runs(void);

#endif
