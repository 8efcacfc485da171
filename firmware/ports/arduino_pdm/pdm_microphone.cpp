/* The PDM microphone of boards whose core knows its pins, by Arduino's PDM library: an MP34DT05 on
 * the Nano 33 BLE Sense. The chip's own decimator makes PCM of it. */
#include <PDM.h>

#include "../arduino/microphone_of_board.h"
#include "../common/sample_ring.h"

static const uint32_t SAMPLE_RATE_HZ = 16000;
static const int ONE_CHANNEL = 1;
static const int BLOCK_BYTES = 320; /* 10 ms */

/* Steps of 0.5 dB from -20 dB: +20 dB, before the 16 bits are cut. With -26 dBFS at 94 dB of sound
 * pressure, speech of 70 dB comes to -30 dBFS; the firmware's 3.5 dB bring it to -26.5. */
static const int CHIP_GAIN = 80;
static const uint16_t GAIN_Q8 = SOTTO_MICROPHONE_UNITY_GAIN_Q8 * 3 / 2;

static sample_ring ring;

/* In the interrupt, each time a block is full. */
static void received() {
  int16_t samples[BLOCK_BYTES / sizeof(int16_t)];
  const int count_bytes = PDM.read(samples, sizeof samples);
  sample_ring_put(&ring, samples, static_cast<uint32_t>(count_bytes) / sizeof samples[0]);
}

static bool microphone_start(void) {
  sample_ring_clear(&ring);
  PDM.onReceive(received);
  PDM.setBufferSize(BLOCK_BYTES);
  PDM.setGain(CHIP_GAIN);
  return PDM.begin(ONE_CHANNEL, SAMPLE_RATE_HZ) != 0;
}

static void microphone_stop(void) {
  PDM.end();
}

static size_t microphone_read(int16_t *samples, size_t capacity_samples) {
  return sample_ring_take(&ring, samples, capacity_samples);
}

static uint32_t microphone_lost(void) {
  return sample_ring_lost(&ring);
}

const sotto_microphone *microphone_of_board(void) {
  static const sotto_microphone part = {
      .part = &sotto_capture_part,
      .name = "MP34DT05 over PDM",
      .sample_rate_hz = SAMPLE_RATE_HZ,
      .bits = 1,
      .channels = ONE_CHANNEL,
      .gain_q8 = GAIN_Q8,
      .start = microphone_start,
      .stop = microphone_stop,
      .read = microphone_read,
      .lost = microphone_lost,
  };
  return &part;
}
