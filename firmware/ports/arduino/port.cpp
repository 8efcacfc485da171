/* Port over the API that all Arduino cores have. C++, as `Serial` is an object of a class there.
 *
 * The core brings main() and calls loop(), which runs the firmware's: platformio.ini gives that the
 * name sotto_main. */
#include "port.h"

#include <Arduino.h>

#include "microphone_of_board.h"

/* More than cores keep: over USB the host's computer holds the rest back. */
static const uint32_t WINDOW_BYTES = 4096;
static const uint32_t MICROSECONDS_HZ = 1000000;
static const unsigned long IDLE_MS = 1;

extern "C" int sotto_main(void);

/* What USB ignores and a UART takes. */
#ifndef SOTTO_BAUD
#define SOTTO_BAUD 921600u
#endif

static void port_init(void) {
  Serial.begin(SOTTO_BAUD);
}

static size_t port_read(uint8_t *data, size_t capacity_bytes) {
  size_t count = 0;
  while (count < capacity_bytes && Serial.available() > 0) {
    data[count++] = static_cast<uint8_t>(Serial.read());
  }
  return count;
}

static void port_write(const uint8_t *data, size_t length_bytes) {
  (void)Serial.write(data, length_bytes); /* waits for the host, if there is one */
}

static void port_idle(void) {
  if (Serial.available() == 0) delay(IDLE_MS); /* the core sleeps meanwhile where it can */
}

static uint32_t port_ticks(void) {
  return static_cast<uint32_t>(micros());
}

static uint32_t port_rx_overruns(void) {
  return 0; /* the API does not say */
}

static uint32_t port_stack_peak_bytes(void) {
  return 0; /* unknown: the stack is the core's */
}

static void port_reset(void) {
  Serial.flush();
  NVIC_SystemReset(); /* of CMSIS, as Arduino has no word for it */
}

__attribute__((weak)) const sotto_microphone *microphone_of_board(void) {
  return nullptr;
}

static const sotto_port port = {
    .board = SOTTO_BOARD_NAME,
    .cpu_hz = F_CPU,
    .tick_unit = "microseconds",
    .rx_window_bytes = WINDOW_BYTES,
    .init = port_init,
    .read = port_read,
    .write = port_write,
    .idle = port_idle,
    .ticks = port_ticks,
    .rx_overruns = port_rx_overruns,
    .stack_peak_bytes = port_stack_peak_bytes,
    .reset = port_reset,
    .microphone = microphone_of_board(),
    .stack_bytes = nullptr,
    .reset_cause = nullptr,
    .restarts = nullptr,
    .feed_watchdog = nullptr,
    .watchdog_ms = 0,
};

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  return MICROSECONDS_HZ;
}

void setup() {}

void loop() {
  (void)sotto_main(); /* does not return */
}
