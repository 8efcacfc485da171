#define _POSIX_C_SOURCE 200809L /* clock_gettime, pread */

#include "host_microphone.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_RATE_HZ 16000u
#define SAMPLE_BYTES 2u
#define NANOSECONDS_PER_SECOND 1000000000u
#define NOT_OPEN (-1)
#define NO_TIMEOUT (-1)
#define BLOCK_MS 5

/* What a board's buffer would hold: so late, samples of a file are lost. */
#define BUFFER_SAMPLES 4096u

typedef struct source {
  int fd;
  bool is_pipe;
  bool ended; /* who wrote to the pipe has closed it: waiting for more would not wait */
  uint64_t began_ns;
  uint64_t position; /* samples that were read or, of a file, lost */
  uint32_t lost;
  bool has_half; /* of a sample, of a pipe */
  uint8_t half;
} source;

static source input = {.fd = NOT_OPEN};

static uint64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static bool start(void) {
  struct stat kind;
  const int fd = open(getenv(HOST_MICROPHONE_VARIABLE), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &kind) != 0) {
    return false;
  }
  input = (source){.fd = fd, .is_pipe = S_ISFIFO(kind.st_mode), .began_ns = now_ns()};
  return true;
}

static void stop(void) {
  close(input.fd);
  input.fd = NOT_OPEN;
}

/* Samples of the file that are due and have not been lost for want of room. */
static size_t due_samples(void) {
  const uint64_t captured = (now_ns() - input.began_ns) / (NANOSECONDS_PER_SECOND / SAMPLE_RATE_HZ);
  const uint64_t waiting = captured - input.position;
  if (waiting <= BUFFER_SAMPLES) {
    return (size_t)waiting;
  }
  input.lost += (uint32_t)(waiting - BUFFER_SAMPLES);
  input.position = captured - BUFFER_SAMPLES;
  return BUFFER_SAMPLES;
}

/* Whole samples; half a sample at the end waits for its other half. */
static size_t read_pipe(int16_t *samples, size_t capacity_samples) {
  uint8_t *bytes = (uint8_t *)samples;
  const size_t held_bytes = input.has_half ? 1u : 0u;
  bytes[0] = input.half;
  const ssize_t got =
      read(input.fd, bytes + held_bytes, capacity_samples * SAMPLE_BYTES - held_bytes);
  if (got <= 0) {
    input.ended = got == 0 && input.position > 0;
    return 0;
  }
  const size_t length_bytes = held_bytes + (size_t)got;
  input.has_half = length_bytes % SAMPLE_BYTES != 0;
  input.half = bytes[length_bytes - 1u];
  input.position += length_bytes / SAMPLE_BYTES;
  return length_bytes / SAMPLE_BYTES;
}

static size_t read_file(int16_t *samples, size_t capacity_samples) {
  const size_t due = due_samples();
  const size_t count = due < capacity_samples ? due : capacity_samples;
  const off_t at = (off_t)(input.position * SAMPLE_BYTES);
  const ssize_t got = pread(input.fd, samples, count * SAMPLE_BYTES, at);
  for (size_t i = got > 0 ? (size_t)got / SAMPLE_BYTES : 0u; i < count; i++) {
    samples[i] = 0; /* silence after the file's end */
  }
  input.position += count;
  return count;
}

static size_t read_samples(int16_t *samples, size_t capacity_samples) {
  return input.is_pipe ? read_pipe(samples, capacity_samples)
                       : read_file(samples, capacity_samples);
}

static uint32_t lost(void) {
  return input.lost;
}

const sotto_microphone host_fed = {.part = &sotto_capture_part, .name = ""};

const sotto_microphone *host_microphone(void) {
  static const sotto_microphone microphone = {
      .part = &sotto_capture_part,
      .name = "samples of " HOST_MICROPHONE_VARIABLE,
      .sample_rate_hz = SAMPLE_RATE_HZ,
      .bits = 16,
      .channels = 1,
      .gain_q8 = SOTTO_MICROPHONE_UNITY_GAIN_Q8,
      .start = start,
      .stop = stop,
      .read = read_samples,
      .lost = lost,
  };
  return getenv(HOST_MICROPHONE_VARIABLE) != NULL ? &microphone : &host_fed;
}

int host_microphone_fd(void) {
  return input.is_pipe && !input.ended ? input.fd : NOT_OPEN;
}

int host_microphone_wait_ms(void) {
  return input.fd != NOT_OPEN && !input.is_pipe ? BLOCK_MS : NO_TIMEOUT;
}
