/* UART0 on its own pins, which a development board leads to its bridge from USB to serial. */
#include "driver/uart.h"
#include "freertos/queue.h"
#include "line.h"

#define LINE_UART UART_NUM_0
#define EVENTS 32
#define DRAIN_MS 100u

static QueueHandle_t events;
static uint32_t lost_bytes;

void line_start(void) {
  const uart_config_t config = {
      .baud_rate = (int)SOTTO_BAUD,
      .data_bits = UART_DATA_8_BITS,
      .parity = UART_PARITY_DISABLE,
      .stop_bits = UART_STOP_BITS_1,
      .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
      .source_clk = UART_SCLK_DEFAULT,
  };
  /* twice the window: the driver's ring keeps blocks, not single bytes */
  ESP_ERROR_CHECK(
      uart_driver_install(LINE_UART, (int)(2u * LINE_WINDOW_BYTES), 0, EVENTS, &events, 0));
  ESP_ERROR_CHECK(uart_param_config(LINE_UART, &config));
}

/* The driver throws its whole FIFO away when that overflows, and says so in an event. */
static void count_lost(void) {
  uart_event_t event;
  while (xQueueReceive(events, &event, 0) == pdTRUE) {
    if (event.type == UART_FIFO_OVF) lost_bytes += UART_HW_FIFO_LEN(LINE_UART);
  }
}

size_t line_read(uint8_t *data, size_t capacity_bytes, TickType_t wait) {
  count_lost();
  const int count = uart_read_bytes(LINE_UART, data, (uint32_t)capacity_bytes, wait);
  return count > 0 ? (size_t)count : 0;
}

void line_write(const uint8_t *data, size_t length_bytes) {
  (void)uart_write_bytes(LINE_UART, data, length_bytes); /* waits by itself */
}

void line_drain(void) {
  (void)uart_wait_tx_done(LINE_UART, pdMS_TO_TICKS(DRAIN_MS));
}

uint32_t line_lost_bytes(void) {
  return lost_bytes;
}
