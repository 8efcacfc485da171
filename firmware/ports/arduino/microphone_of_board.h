/* The microphone of a build for an Arduino core. */
#ifndef MICROPHONE_OF_BOARD_H
#define MICROPHONE_OF_BOARD_H

#include "port.h"

/* nullptr, unless another file of the build defines it: ports/arduino_pdm does. */
const sotto_microphone *microphone_of_board(void);

#endif
