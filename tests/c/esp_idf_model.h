/* What the port calls of ESP-IDF 5.5, for tests: declared as its headers declare it, and modelled
 * in esp_idf_model.c. Every header of ESP-IDF that the port names leads here. */
#ifndef ESP_IDF_MODEL_H
#define ESP_IDF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_ERROR_CHECK(call) ((call) == ESP_OK ? (void)0 : model_failed())
void model_failed(void);

#define RTC_NOINIT_ATTR

typedef uint32_t TickType_t;
typedef int BaseType_t;
typedef unsigned UBaseType_t;
typedef uint8_t StackType_t;
typedef struct StaticTask {
  int unused;
} StaticTask_t;
typedef void *TaskHandle_t;
typedef void *QueueHandle_t;
#define pdTRUE 1
#define pdFALSE 0
#define pdMS_TO_TICKS(milliseconds) ((TickType_t)(milliseconds))
BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t wait);
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
TaskHandle_t xTaskCreateStaticPinnedToCore(void (*code)(void *), const char *name, uint32_t depth,
                                           void *argument, UBaseType_t priority, StackType_t *stack,
                                           StaticTask_t *control, BaseType_t core);

typedef uint32_t esp_cpu_cycle_count_t;
esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void);
uint32_t esp_rom_get_cpu_ticks_per_us(void);

typedef enum {
  ESP_RST_UNKNOWN,
  ESP_RST_POWERON,
  ESP_RST_EXT,
  ESP_RST_SW,
  ESP_RST_PANIC,
  ESP_RST_INT_WDT,
  ESP_RST_TASK_WDT,
  ESP_RST_WDT,
  ESP_RST_DEEPSLEEP,
  ESP_RST_BROWNOUT,
  ESP_RST_SDIO,
  ESP_RST_USB,
  ESP_RST_JTAG,
  ESP_RST_EFUSE,
  ESP_RST_PWR_GLITCH,
  ESP_RST_CPU_LOCKUP,
} esp_reset_reason_t;
esp_reset_reason_t esp_reset_reason(void);
void esp_restart(void);
esp_err_t esp_task_wdt_add(TaskHandle_t task);
esp_err_t esp_task_wdt_reset(void);

typedef int uart_port_t;
#define UART_NUM_0 0
#define UART_HW_FIFO_LEN(uart_num) ((uart_num) == 0 ? 128u : 0u)
enum {
  UART_DATA_8_BITS = 3,
  UART_PARITY_DISABLE = 0,
  UART_STOP_BITS_1 = 1,
  UART_HW_FLOWCTRL_DISABLE = 0,
  UART_SCLK_DEFAULT = 4,
};
typedef enum { UART_DATA, UART_BREAK, UART_BUFFER_FULL, UART_FIFO_OVF } uart_event_type_t;
typedef struct {
  uart_event_type_t type;
  size_t size;
} uart_event_t;
typedef struct {
  int baud_rate;
  int data_bits;
  int parity;
  int stop_bits;
  int flow_ctrl;
  int source_clk;
} uart_config_t;
esp_err_t uart_driver_install(uart_port_t uart, int rx_buffer_size, int tx_buffer_size,
                              int queue_size, QueueHandle_t *queue, int flags);
esp_err_t uart_param_config(uart_port_t uart, const uart_config_t *config);
int uart_read_bytes(uart_port_t uart, void *data, uint32_t length, TickType_t wait);
int uart_write_bytes(uart_port_t uart, const void *data, size_t size);
esp_err_t uart_wait_tx_done(uart_port_t uart, TickType_t wait);

typedef struct {
  uint32_t tx_buffer_size;
  uint32_t rx_buffer_size;
} usb_serial_jtag_driver_config_t;
esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config);
int usb_serial_jtag_read_bytes(void *data, uint32_t length, TickType_t wait);
int usb_serial_jtag_write_bytes(const void *data, size_t size, TickType_t wait);
esp_err_t usb_serial_jtag_wait_tx_done(TickType_t wait);

typedef int gpio_num_t;
typedef struct i2s_channel *i2s_chan_handle_t;
enum { I2S_NUM_0, I2S_ROLE_MASTER, I2S_DATA_BIT_WIDTH_32BIT = 32, I2S_SLOT_MODE_MONO = 1 };
#define I2S_GPIO_UNUSED ((gpio_num_t) - 1)
typedef struct {
  int id;
  int role;
  uint32_t dma_desc_num;
  uint32_t dma_frame_num;
} i2s_chan_config_t;
typedef struct {
  uint32_t sample_rate_hz;
} i2s_std_clk_config_t;
typedef struct {
  int data_bit_width;
  int slot_mode;
} i2s_std_slot_config_t;
typedef struct {
  gpio_num_t mclk;
  gpio_num_t bclk;
  gpio_num_t ws;
  gpio_num_t dout;
  gpio_num_t din;
} i2s_std_gpio_config_t;
typedef struct {
  i2s_std_clk_config_t clk_cfg;
  i2s_std_slot_config_t slot_cfg;
  i2s_std_gpio_config_t gpio_cfg;
} i2s_std_config_t;
#define I2S_STD_CLK_DEFAULT_CONFIG(rate) {.sample_rate_hz = rate}
#define I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(bits, mode) {.data_bit_width = bits, .slot_mode = mode}
typedef struct {
  void *dma_buf;
  size_t size;
} i2s_event_data_t;
typedef bool (*i2s_isr_callback_t)(i2s_chan_handle_t channel, i2s_event_data_t *event, void *own);
typedef struct {
  i2s_isr_callback_t on_recv;
} i2s_event_callbacks_t;
esp_err_t i2s_new_channel(const i2s_chan_config_t *config, i2s_chan_handle_t *sends,
                          i2s_chan_handle_t *receives);
esp_err_t i2s_channel_init_std_mode(i2s_chan_handle_t channel, const i2s_std_config_t *config);
esp_err_t i2s_channel_register_event_callback(i2s_chan_handle_t channel,
                                              const i2s_event_callbacks_t *callbacks, void *own);
esp_err_t i2s_channel_enable(i2s_chan_handle_t channel);
esp_err_t i2s_channel_disable(i2s_chan_handle_t channel);
esp_err_t i2s_del_channel(i2s_chan_handle_t channel);

#endif
