#include "capture.h"

#include "sotto/link_bytes.h"

/* Samples moved at a time: 320 bytes of stack. */
#define BLOCK_SAMPLES 160u

_Static_assert((SOTTO_CAPTURE_SAMPLES & (SOTTO_CAPTURE_SAMPLES - 1u)) == 0, "a power of two");

static bool uses_microphone(const sotto_capture *capture) {
  return capture->state == SOTTO_CAPTURE_RUNS && !(capture->choices & SOTTO_CAPTURE_FED);
}

static sotto_capture_state start_microphone(const sotto_microphone *microphone) {
  if (microphone->start == NULL) {
    return SOTTO_CAPTURE_NO_MICROPHONE;
  }
  if (microphone->sample_rate_hz != SOTTO_FRONTEND_SAMPLE_RATE_HZ) {
    return SOTTO_CAPTURE_OTHER_RATE;
  }
  return microphone->start() ? SOTTO_CAPTURE_RUNS : SOTTO_CAPTURE_DID_NOT_START;
}

sotto_capture_state sotto_capture_begin(sotto_capture *capture, const sotto_port *port,
                                        uint32_t stream, uint16_t gain_q8, uint8_t choices) {
  if (capture->stream == stream) {
    return capture->state; /* a late copy of the request must not begin it again */
  }
  sotto_capture_end(capture, port);
  const bool fed = (choices & SOTTO_CAPTURE_FED) != 0;
  const sotto_capture_state started = fed ? SOTTO_CAPTURE_RUNS : start_microphone(port->microphone);
  if (started != SOTTO_CAPTURE_RUNS) {
    return started;
  }
  const uint16_t own_q8 = fed ? SOTTO_UNITY_GAIN_Q8 : port->microphone->gain_q8;
  capture->stream = stream;
  capture->state = SOTTO_CAPTURE_RUNS;
  capture->choices = choices;
  capture->gain_q8 = gain_q8 != 0 ? gain_q8 : own_q8;
  capture->samples = 0;
  capture->at_limit = 0;
  capture->lost = 0;
  sotto_high_pass_reset(&capture->high_pass);
  return started;
}

void sotto_capture_end(sotto_capture *capture, const sotto_port *port) {
  if (uses_microphone(capture)) {
    capture->lost = port->microphone->lost();
    port->microphone->stop();
  }
  capture->state = SOTTO_CAPTURE_STOPPED;
}

static void keep(sotto_capture *capture, const int16_t *samples, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    capture->kept[(capture->samples + i) % SOTTO_CAPTURE_SAMPLES] = samples[i];
  }
  capture->samples += count;
}

/* The path of every sample. */
static void take(sotto_capture *capture, sotto_listening *listening, int16_t *samples,
                 uint32_t count) {
  sotto_high_pass_run(&capture->high_pass, samples, count);
  capture->at_limit += (uint32_t)sotto_gain_run(samples, count, capture->gain_q8);
  keep(capture, samples, count);
  if ((capture->choices & SOTTO_CAPTURE_LISTENS) && listening->id == capture->stream) {
    sotto_listening_hear(listening, samples, count);
  }
}

bool sotto_capture_run(sotto_capture *capture, const sotto_port *port, sotto_listening *listening) {
  int16_t block[BLOCK_SAMPLES];
  if (!uses_microphone(capture)) {
    return false;
  }
  const size_t count = port->microphone->read(block, BLOCK_SAMPLES);
  capture->lost = port->microphone->lost();
  take(capture, listening, block, (uint32_t)count);
  return count > 0;
}

void sotto_capture_feed(sotto_capture *capture, sotto_listening *listening,
                        const uint8_t *pcm_s16le, uint32_t count_samples) {
  int16_t block[BLOCK_SAMPLES];
  while (count_samples > 0) {
    const uint32_t count = count_samples < BLOCK_SAMPLES ? count_samples : BLOCK_SAMPLES;
    for (uint32_t i = 0; i < count; i++) {
      block[i] = (int16_t)sotto_get_u16(pcm_s16le + SOTTO_CLIP_SAMPLE_BYTES * i);
    }
    take(capture, listening, block, count);
    pcm_s16le += SOTTO_CLIP_SAMPLE_BYTES * count;
    count_samples -= count;
  }
}

uint32_t sotto_capture_first_kept(const sotto_capture *capture, uint32_t wanted) {
  const int32_t behind =
      (int32_t)(capture->samples - wanted); /* positions wrap, distances do not */
  if (behind < 0) {
    return capture->samples;
  }
  return behind <= (int32_t)SOTTO_CAPTURE_SAMPLES ? wanted
                                                  : capture->samples - SOTTO_CAPTURE_SAMPLES;
}
