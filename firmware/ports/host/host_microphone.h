/* The microphone of the host port: a file or a pipe of samples. */
#ifndef HOST_MICROPHONE_H
#define HOST_MICROPHONE_H

#include "port.h"

#define HOST_MICROPHONE_VARIABLE "SOTTO_MICROPHONE"

/* None: samples come from the host alone. */
extern const sotto_microphone host_fed;

/* The microphone, or host_fed when the environment names none: a file (of 16-bit little endian
 * samples of 16 kHz, taken at the pace of the clock; then silence) or a named pipe (of the same,
 * taken as fast as they come). */
const sotto_microphone *host_microphone(void);

/* While it runs, what idle() waits for: a pipe, or NOT_OPEN and a time. */
int host_microphone_fd(void);
int host_microphone_wait_ms(void);

#endif
