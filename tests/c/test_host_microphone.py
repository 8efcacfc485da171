"""The host port's microphone: a file at the pace of a clock, which this test turns by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from conftest import ROOT

PROGRAM = r"""
#define _POSIX_C_SOURCE 200809L
#include <time.h>

static long long clock_ns;

static int turned_by_hand(clockid_t which, struct timespec *now) {
  (void)which;
  now->tv_sec = clock_ns / 1000000000;
  now->tv_nsec = clock_ns % 1000000000;
  return 0;
}
#define clock_gettime turned_by_hand
#include "host_microphone.c"

#include <stdio.h>

#define CHECK(condition)                          \
  do {                                            \
    if (!(condition)) {                           \
      fprintf(stderr, "failed: %s\n", #condition); \
      exit(1);                                    \
    }                                             \
  } while (0)

#define SAMPLES 40000

/* Sample n of the file is n, modulo 2^16, and then comes silence. */
static void check(const int16_t *samples, size_t count, size_t first) {
  for (size_t i = 0; i < count; i++) {
    CHECK(samples[i] == (first + i < SAMPLES ? (int16_t)(first + i) : 0));
  }
}

int main(void) {
  static int16_t samples[2 * BUFFER_SAMPLES];
  const sotto_microphone *microphone = host_microphone();
  CHECK(microphone != NULL && microphone->sample_rate_hz == 16000);
  CHECK(host_microphone_wait_ms() == NO_TIMEOUT);
  clock_ns = 5000000;
  CHECK(microphone->start());
  CHECK(host_microphone_wait_ms() == BLOCK_MS && host_microphone_fd() == NOT_OPEN);
  CHECK(microphone->read(samples, 100) == 0);

  clock_ns += 10000000;
  CHECK(microphone->read(samples, 100) == 100);
  check(samples, 100, 0);
  CHECK(microphone->read(samples, 100) == 60);
  check(samples, 60, 100);
  CHECK(microphone->read(samples, 100) == 0);
  CHECK(microphone->lost() == 0);

  clock_ns += 1000000000; /* so late, only what fits in the buffer is left */
  CHECK(microphone->read(samples, 2 * BUFFER_SAMPLES) == BUFFER_SAMPLES);
  check(samples, BUFFER_SAMPLES, 16160 - BUFFER_SAMPLES);
  CHECK(microphone->lost() == 16000 - BUFFER_SAMPLES);

  for (size_t first = 16160; first < SAMPLES + 640; first += 320) {
    clock_ns += 20000000;
    CHECK(microphone->read(samples, BUFFER_SAMPLES) == 320);
    check(samples, 320, first);
  }
  CHECK(microphone->lost() == 16000 - BUFFER_SAMPLES);
  microphone->stop();
  CHECK(microphone->start()); /* a new stream begins at the file's begin */
  clock_ns += 10000000;
  CHECK(microphone->read(samples, 160) == 160);
  check(samples, 160, 0);
  CHECK(microphone->lost() == 0);
  microphone->stop();
  return 0;
}
"""


def test_a_file_keeps_the_pace_and_a_late_reader_loses_samples(
    build_program: Callable[..., Path], tmp_path: Path
) -> None:
    recording, source = tmp_path / "counted.raw", tmp_path / "counted.c"
    recording.write_bytes(np.arange(40_000).astype("<u2").tobytes())
    source.write_text(PROGRAM)
    includes = [str(ROOT / "firmware" / folder) for folder in ("ports/host", "src")]
    program = build_program([source], [f"-I{folder}" for folder in includes])
    done = subprocess.run(
        [program],
        env={"SOTTO_MICROPHONE": str(recording)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
