/* Bytes on their way from a receive interrupt to the main loop, for ports with one serial line.
 *
 * received_put and received_lost are for the interrupt; the others have the types of sotto_port.
 */
#ifndef RECEIVED_H
#define RECEIVED_H

#include <stddef.h>
#include <stdint.h>

#include "../common/rx_ring.h"

#define RECEIVED_WINDOW_BYTES RX_RING_BYTES

/* Keeps a byte, or counts it as lost when the main loop has fallen behind by the whole window. */
void received_put(uint8_t byte);

/* Counts a byte that the UART itself lost. */
void received_lost(void);

size_t received_read(uint8_t *data, size_t capacity_bytes);
void received_idle(void);
uint32_t received_overruns(void);

#endif
