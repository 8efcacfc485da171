/* ESP-IDF as far as the port calls it: a line whose bytes the test gives and takes, an I2S bus
 * whose words it gives, and what it says of a reset. The test calls the port through the functions
 * below.
 */
#include "esp_idf_model.h"

#include <stdlib.h>
#include <string.h>

#include "port.h"

#define LINE_BYTES 65536u

typedef struct line_model {
  uint8_t bytes[LINE_BYTES];
  size_t first;
  size_t end;
} line_model;

static struct {
  line_model received;
  line_model sent;
  size_t buffer_bytes; /* that the port has asked the driver for */
  uint32_t wait;       /* of the last read */
  uint32_t overflows;  /* events that wait */
  uint32_t host_takes; /* bytes that a host still takes over USB */
  int reason;
  int failing_step; /* of starting the microphone; 0: none */
  int channels;
  int enabled;
  i2s_isr_callback_t on_recv;
  i2s_std_config_t bus;
  uint32_t watchdog_fed;
} model = {.host_takes = LINE_BYTES};

static int take(line_model *line, void *data, size_t capacity) {
  const size_t there = line->end - line->first;
  const size_t count = there < capacity ? there : capacity;
  memcpy(data, line->bytes + line->first, count);
  line->first += count;
  return (int)count;
}

static void put(line_model *line, const void *data, size_t count) {
  memcpy(line->bytes + line->end, data, count);
  line->end += count;
}

void model_failed(void) {
  abort();
}

BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t wait) {
  (void)queue;
  (void)wait;
  if (model.overflows == 0) return pdFALSE;
  model.overflows--;
  *(uart_event_t *)item = (uart_event_t){.type = UART_FIFO_OVF};
  return pdTRUE;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task) {
  (void)task;
  return 9000;
}

TaskHandle_t xTaskCreateStaticPinnedToCore(void (*code)(void *), const char *name, uint32_t depth,
                                           void *argument, UBaseType_t priority, StackType_t *stack,
                                           StaticTask_t *control, BaseType_t core) {
  (void)name, (void)depth, (void)priority, (void)stack, (void)core;
  code(argument);
  return control;
}

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void) {
  return 7;
}

uint32_t esp_rom_get_cpu_ticks_per_us(void) {
  return 160;
}

esp_reset_reason_t esp_reset_reason(void) {
  return (esp_reset_reason_t)model.reason;
}

void esp_restart(void) {}

esp_err_t esp_task_wdt_add(TaskHandle_t task) {
  (void)task;
  return ESP_OK;
}

esp_err_t esp_task_wdt_reset(void) {
  model.watchdog_fed++;
  return ESP_OK;
}

esp_err_t uart_driver_install(uart_port_t uart, int rx_buffer_size, int tx_buffer_size,
                              int queue_size, QueueHandle_t *queue, int flags) {
  (void)uart, (void)tx_buffer_size, (void)queue_size, (void)flags;
  model.buffer_bytes = (size_t)rx_buffer_size;
  *queue = &model;
  return ESP_OK;
}

esp_err_t uart_param_config(uart_port_t uart, const uart_config_t *config) {
  (void)uart, (void)config;
  return ESP_OK;
}

int uart_read_bytes(uart_port_t uart, void *data, uint32_t length, TickType_t wait) {
  (void)uart;
  model.wait = wait;
  return take(&model.received, data, length);
}

int uart_write_bytes(uart_port_t uart, const void *data, size_t size) {
  (void)uart;
  put(&model.sent, data, size);
  return (int)size;
}

esp_err_t uart_wait_tx_done(uart_port_t uart, TickType_t wait) {
  (void)uart, (void)wait;
  return ESP_OK;
}

esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config) {
  model.buffer_bytes = config->rx_buffer_size;
  return ESP_OK;
}

int usb_serial_jtag_read_bytes(void *data, uint32_t length, TickType_t wait) {
  return uart_read_bytes(UART_NUM_0, data, length, wait);
}

/* All of it or nothing. */
int usb_serial_jtag_write_bytes(const void *data, size_t size, TickType_t wait) {
  (void)wait;
  if (size > model.host_takes) return 0;
  model.host_takes -= (uint32_t)size;
  return uart_write_bytes(UART_NUM_0, data, size);
}

esp_err_t usb_serial_jtag_wait_tx_done(TickType_t wait) {
  (void)wait;
  return ESP_OK;
}

/* Whether the step of this number is to go wrong. */
static esp_err_t step(int number) {
  return model.failing_step == number ? -1 : ESP_OK;
}

esp_err_t i2s_new_channel(const i2s_chan_config_t *config, i2s_chan_handle_t *sends,
                          i2s_chan_handle_t *receives) {
  (void)config, (void)sends;
  if (step(1) != ESP_OK) return -1;
  model.channels++;
  *receives = (i2s_chan_handle_t)&model;
  return ESP_OK;
}

esp_err_t i2s_channel_init_std_mode(i2s_chan_handle_t channel, const i2s_std_config_t *config) {
  (void)channel;
  model.bus = *config;
  return step(2);
}

esp_err_t i2s_channel_register_event_callback(i2s_chan_handle_t channel,
                                              const i2s_event_callbacks_t *callbacks, void *own) {
  (void)channel, (void)own;
  model.on_recv = callbacks->on_recv;
  return step(3);
}

esp_err_t i2s_channel_enable(i2s_chan_handle_t channel) {
  (void)channel;
  if (step(4) != ESP_OK) return -1;
  model.enabled++;
  return ESP_OK;
}

esp_err_t i2s_channel_disable(i2s_chan_handle_t channel) {
  (void)channel;
  model.enabled--;
  return ESP_OK;
}

esp_err_t i2s_del_channel(i2s_chan_handle_t channel) {
  (void)channel;
  model.channels--;
  return ESP_OK;
}

int main(void) {
  return 0;
}

/* For the test. */

void test_start(int reason, int failing_step) {
  model.reason = reason;
  model.failing_step = failing_step;
  sotto_port_get()->init();
}

void test_receive(const uint8_t *data, uint32_t count, uint32_t overflows) {
  put(&model.received, data, count);
  model.overflows += overflows;
}

int test_read(uint8_t *data, uint32_t capacity) {
  return (int)sotto_port_get()->read(data, capacity);
}

uint32_t test_idle(void) {
  sotto_port_get()->idle();
  return model.wait;
}

int test_write(const uint8_t *data, uint32_t count, uint32_t host_takes, uint8_t *arrived) {
  model.host_takes = host_takes;
  sotto_port_get()->write(data, count);
  return take(&model.sent, arrived, LINE_BYTES);
}

/* Facts by number, as the test names them. */
uint32_t test_fact(int number) {
  const sotto_port *port = sotto_port_get();
  switch (number) {
    case 0:
      return port->rx_overruns();
    case 1:
      return (uint32_t)port->reset_cause();
    case 2:
      return port->stack_peak_bytes();
    case 3:
      return port->stack_bytes();
    case 4:
      return port->watchdog_ms;
    case 5:
      return port->cpu_hz;
    case 6:
      return (uint32_t)model.buffer_bytes - port->rx_window_bytes;
    case 7:
      return (uint32_t)model.channels;
    case 8:
      return (uint32_t)model.enabled;
    case 9:
      return port->microphone->lost();
    case 11:
      return model.watchdog_fed;
    default:
      return model.bus.clk_cfg.sample_rate_hz;
  }
}

bool test_microphone_start(void) {
  return sotto_port_get()->microphone->start();
}

void test_microphone_stop(void) {
  sotto_port_get()->microphone->stop();
}

/* A buffer of the DMA is full. */
void test_words(int32_t *words, uint32_t count) {
  i2s_event_data_t event = {.dma_buf = words, .size = count * sizeof *words};
  (void)model.on_recv((i2s_chan_handle_t)&model, &event, NULL);
}

int test_samples(int16_t *samples, uint32_t capacity) {
  return (int)sotto_port_get()->microphone->read(samples, capacity);
}
