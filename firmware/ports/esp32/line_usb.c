/* The chip's own USB, which is a serial port to the host (USB Serial/JTAG controller). USB has no
 * baud rate and loses no byte on the way. */
#include "driver/usb_serial_jtag.h"
#include "line.h"

#define SEND_BUFFER_BYTES 1024u
#define PIECE_BYTES 256u /* of what is sent at once: the driver takes all of it or nothing */

/* A host that does not fetch for so long is not there. */
#define HOST_GONE_MS 200u

void line_start(void) {
  usb_serial_jtag_driver_config_t config = {
      .tx_buffer_size = SEND_BUFFER_BYTES,
      .rx_buffer_size = 2u * LINE_WINDOW_BYTES, /* the driver's ring keeps blocks of 64 bytes */
  };
  ESP_ERROR_CHECK(usb_serial_jtag_driver_install(&config));
}

size_t line_read(uint8_t *data, size_t capacity_bytes, TickType_t wait) {
  if (capacity_bytes == 0) return 0;
  const int count = usb_serial_jtag_read_bytes(data, (uint32_t)capacity_bytes, wait);
  return count > 0 ? (size_t)count : 0;
}

void line_write(const uint8_t *data, size_t length_bytes) {
  size_t sent = 0;
  while (sent < length_bytes) {
    const size_t left = length_bytes - sent;
    const size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;
    if (usb_serial_jtag_write_bytes(data + sent, piece, pdMS_TO_TICKS(HOST_GONE_MS)) <= 0) return;
    sent += piece;
  }
}

void line_drain(void) {
  (void)usb_serial_jtag_wait_tx_done(pdMS_TO_TICKS(HOST_GONE_MS));
}

uint32_t line_lost_bytes(void) {
  return 0; /* the driver would not say; its ring holds all that the host may send */
}
