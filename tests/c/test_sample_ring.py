"""The ring between a microphone and the main loop, at its edges and across the wrap of 2^32."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

PROGRAM = r"""
#include "sample_ring.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                          \
  do {                                            \
    if (!(condition)) {                           \
      fprintf(stderr, "failed: %s\n", #condition); \
      exit(1);                                    \
    }                                             \
  } while (0)

static sample_ring ring;
static int16_t given[SAMPLE_RING_SAMPLES + 3];
static int16_t taken[SAMPLE_RING_SAMPLES + 3];

static void put(uint32_t count, int16_t first) {
  for (uint32_t i = 0; i < count; i++) {
    given[i] = (int16_t)(first + (int16_t)i);
  }
  sample_ring_put(&ring, given, count);
}

static void check_taken(size_t count, int16_t first) {
  for (size_t i = 0; i < count; i++) {
    CHECK(taken[i] == (int16_t)(first + (int16_t)i));
  }
}

int main(void) {
  CHECK(sample_ring_take(&ring, taken, SAMPLE_RING_SAMPLES) == 0);

  /* the counters wrap in the middle of a full ring */
  ring.written = ring.taken = UINT32_MAX - 100u;
  put(SAMPLE_RING_SAMPLES - 1u, 7);
  put(1, (int16_t)(7 + (int16_t)SAMPLE_RING_SAMPLES - 1));
  CHECK(sample_ring_lost(&ring) == 0);
  CHECK(sample_ring_take(&ring, taken, 10) == 10);
  check_taken(10, 7);
  CHECK(sample_ring_take(&ring, taken, SAMPLE_RING_SAMPLES) == SAMPLE_RING_SAMPLES - 10);
  check_taken(SAMPLE_RING_SAMPLES - 10, 17);
  CHECK(sample_ring_take(&ring, taken, 1) == 0);

  /* a full ring keeps the oldest samples and counts the newest as lost, block by block */
  put(SAMPLE_RING_SAMPLES - 2u, -5);
  put(5, 100);
  CHECK(sample_ring_lost(&ring) == 3);
  put(2, 300);
  CHECK(sample_ring_lost(&ring) == 5);
  CHECK(sample_ring_take(&ring, taken, SAMPLE_RING_SAMPLES + 3) == SAMPLE_RING_SAMPLES);
  check_taken(SAMPLE_RING_SAMPLES - 2u, -5);
  CHECK(taken[SAMPLE_RING_SAMPLES - 2u] == 100 && taken[SAMPLE_RING_SAMPLES - 1u] == 101);

  sample_ring_clear(&ring);
  CHECK(sample_ring_lost(&ring) == 0);
  CHECK(sample_ring_take(&ring, taken, 1) == 0);
  return 0;
}
"""


@pytest.mark.parametrize("samples", ["4096u", "64u"])
def test_ring(samples: str, build_program: Callable[..., Path], tmp_path: Path) -> None:
    source = tmp_path / "sample_ring.c"
    source.write_text(PROGRAM)
    flags = ["-I", str(ROOT / "firmware" / "ports" / "common"), f"-DSAMPLE_RING_SAMPLES={samples}"]
    done = subprocess.run(
        [build_program([source], flags)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
