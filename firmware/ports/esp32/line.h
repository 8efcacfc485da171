/* The serial line of the protocol: a UART or the chip's own USB. CMakeLists.txt compiles one of
 * line_uart.c and line_usb.c, as Kconfig.projbuild lets the user choose. */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>
#include <stdint.h>

#include "freertos/FreeRTOS.h"

/* What the host may have on the way without an answer; the driver's buffer holds it. */
#define LINE_WINDOW_BYTES 4096u

void line_start(void);

/* Takes up to capacity_bytes received bytes. With none there it waits up to `wait` for one. */
size_t line_read(uint8_t *data, size_t capacity_bytes, TickType_t wait);

/* Returns when all bytes were accepted, or when nobody takes them. */
void line_write(const uint8_t *data, size_t length_bytes);

/* Returns when the last byte has left, or when nobody takes it. */
void line_drain(void);

/* Received bytes that were lost since the start. */
uint32_t line_lost_bytes(void);

#endif
