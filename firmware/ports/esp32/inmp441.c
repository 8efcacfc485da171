#include "inmp441.h"

#include "../common/sample_ring.h"
#include "driver/i2s_std.h"

#define SAMPLE_RATE_HZ 16000u
#define BITS 24u
#define UPPER_HALF_SHIFT 16

/* -26 dBFS at 94 dB of sound pressure: speech of 70 dB comes to -26 dBFS with 24 dB more. */
#define GAIN_Q8 (16u * SOTTO_MICROPHONE_UNITY_GAIN_Q8)

/* The DMA hands over a buffer of 10 ms while it fills others. */
#define DMA_BUFFERS 4u
#define DMA_FRAMES 160u

static sample_ring ring;
static i2s_chan_handle_t channel;
static bool running;

/* In the interrupt: the buffer that is full, a word of 32 bits a sample. */
static bool received(i2s_chan_handle_t handle, i2s_event_data_t *event, void *context) {
  (void)handle;
  (void)context;
  const int32_t *words = event->dma_buf;
  int16_t samples[DMA_FRAMES];
  const uint32_t count = (uint32_t)(event->size / sizeof *words);
  for (uint32_t i = 0; i < count; i++) {
    samples[i] = (int16_t)(words[i] >> UPPER_HALF_SHIFT);
  }
  sample_ring_put(&ring, samples, count);
  return false; /* it has woken no task */
}

static void microphone_stop(void) {
  if (running) (void)i2s_channel_disable(channel);
  if (channel != NULL) (void)i2s_del_channel(channel);
  channel = NULL;
  running = false;
}

static bool microphone_start(void) {
  microphone_stop();
  sample_ring_clear(&ring);
  const i2s_chan_config_t bus = {
      .id = I2S_NUM_0,
      .role = I2S_ROLE_MASTER,
      .dma_desc_num = DMA_BUFFERS,
      .dma_frame_num = DMA_FRAMES,
  };
  const i2s_std_config_t part = {
      .clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG(SAMPLE_RATE_HZ),
      .slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(I2S_DATA_BIT_WIDTH_32BIT, I2S_SLOT_MODE_MONO),
      .gpio_cfg =
          {
              .mclk = I2S_GPIO_UNUSED,
              .bclk = (gpio_num_t)CONFIG_SOTTO_I2S_SCK_GPIO,
              .ws = (gpio_num_t)CONFIG_SOTTO_I2S_WS_GPIO,
              .dout = I2S_GPIO_UNUSED,
              .din = (gpio_num_t)CONFIG_SOTTO_I2S_SD_GPIO,
          },
  };
  const i2s_event_callbacks_t callbacks = {.on_recv = received};
  if (i2s_new_channel(&bus, NULL, &channel) != ESP_OK) return false;
  running = i2s_channel_init_std_mode(channel, &part) == ESP_OK &&
            i2s_channel_register_event_callback(channel, &callbacks, NULL) == ESP_OK &&
            i2s_channel_enable(channel) == ESP_OK;
  if (!running) microphone_stop();
  return running;
}

static size_t microphone_read(int16_t *samples, size_t capacity_samples) {
  return sample_ring_take(&ring, samples, capacity_samples);
}

static uint32_t microphone_lost(void) {
  return sample_ring_lost(&ring);
}

bool inmp441_runs(void) {
  return running;
}

const sotto_microphone inmp441 = {
    .part = &sotto_capture_part,
    .name = "INMP441 on I2S0",
    .sample_rate_hz = SAMPLE_RATE_HZ,
    .bits = BITS,
    .channels = 1,
    .gain_q8 = GAIN_Q8,
    .start = microphone_start,
    .stop = microphone_stop,
    .read = microphone_read,
    .lost = microphone_lost,
};
