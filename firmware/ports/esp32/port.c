/* Port to Espressif's chips by ESP-IDF 5.4 or later: its drivers, its boot, its FreeRTOS. */
#include "port.h"

#include "../common/restart_note.h"
#include "esp_attr.h"
#include "esp_cpu.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "inmp441.h"
#include "line.h"

#define HZ_PER_MHZ 1000000u
#define MS_PER_S 1000u

/* The stack of the firmware's task, and its place among IDF's: above the idle task, below the
 * drivers' own. */
#define STACK_BYTES (12u * 1024u)
#define PRIORITY 5
#define CORE 0 /* ticks are one core's */

/* Shorter than the watchdog's patience. */
#define IDLE_MS 1000u
#define IDLE_WITH_MICROPHONE_TICKS 1u

RTC_NOINIT_ATTR static restart_note note;

/* What idle() has taken off the line for the next read(). */
static uint8_t held;
static size_t held_bytes;

int main(void);
void app_main(void);

static void port_feed_watchdog(void) {
  (void)esp_task_wdt_reset();
}

static size_t port_read(uint8_t *data, size_t capacity_bytes) {
  size_t taken = 0;
  port_feed_watchdog();
  if (held_bytes > 0 && capacity_bytes > 0) {
    data[taken++] = held;
    held_bytes = 0;
  }
  return taken + line_read(data + taken, capacity_bytes - taken, 0);
}

static void port_idle(void) {
  if (held_bytes == 0) {
    const TickType_t wait = inmp441_runs() ? IDLE_WITH_MICROPHONE_TICKS : pdMS_TO_TICKS(IDLE_MS);
    held_bytes = line_read(&held, 1, wait);
  }
}

static uint32_t port_ticks(void) {
  return esp_cpu_get_cycle_count();
}

static uint32_t port_stack_peak_bytes(void) {
  return STACK_BYTES - (uint32_t)uxTaskGetStackHighWaterMark(NULL);
}

static uint32_t port_stack_bytes(void) {
  return STACK_BYTES;
}

static void port_reset(void) {
  line_drain();
  esp_restart();
}

static sotto_reset_cause port_reset_cause(void) {
  static const sotto_reset_cause CAUSES[] = {
      [ESP_RST_POWERON] = SOTTO_RESET_POWER_ON, [ESP_RST_EXT] = SOTTO_RESET_PIN,
      [ESP_RST_SW] = SOTTO_RESET_SOFTWARE,      [ESP_RST_PANIC] = SOTTO_RESET_FAULT,
      [ESP_RST_INT_WDT] = SOTTO_RESET_WATCHDOG, [ESP_RST_TASK_WDT] = SOTTO_RESET_WATCHDOG,
      [ESP_RST_WDT] = SOTTO_RESET_WATCHDOG,     [ESP_RST_BROWNOUT] = SOTTO_RESET_BROWN_OUT,
      [ESP_RST_CPU_LOCKUP] = SOTTO_RESET_FAULT,
  };
  const unsigned reason = (unsigned)esp_reset_reason();
  return reason < sizeof CAUSES / sizeof CAUSES[0] ? CAUSES[reason] : SOTTO_RESET_UNKNOWN;
}

static uint32_t port_restarts(void) {
  return note.restarts;
}

static void port_init(void);

static sotto_port port = {
    .board = CONFIG_IDF_TARGET,
    .tick_unit = "cycles",
    .rx_window_bytes = LINE_WINDOW_BYTES,
    .init = port_init,
    .read = port_read,
    .write = line_write,
    .idle = port_idle,
    .ticks = port_ticks,
    .rx_overruns = line_lost_bytes,
    .stack_peak_bytes = port_stack_peak_bytes,
    .reset = port_reset,
    .microphone = &inmp441,
    .stack_bytes = port_stack_bytes,
    .reset_cause = port_reset_cause,
    .restarts = port_restarts,
    .feed_watchdog = port_feed_watchdog,
    .watchdog_ms = CONFIG_ESP_TASK_WDT_TIMEOUT_S * MS_PER_S,
};

static void port_init(void) {
  restart_note_begin(&note);
  port.cpu_hz = esp_rom_get_cpu_ticks_per_us() * HZ_PER_MHZ;
  ESP_ERROR_CHECK(esp_task_wdt_add(NULL));
  line_start();
}

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  return port.cpu_hz;
}

static void run(void *unused) {
  (void)unused;
  (void)main(); /* does not return */
}

void app_main(void) {
  static StackType_t stack[STACK_BYTES / sizeof(StackType_t)];
  static StaticTask_t control;
  (void)xTaskCreateStaticPinnedToCore(run, "sotto", STACK_BYTES, NULL, PRIORITY, stack, &control,
                                      CORE);
}
