"""The receive ring between interrupt and main loop, at its edges and across the wrap of 2^32."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from conftest import ROOT

PROGRAM = r"""
#include "rx_ring.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                          \
  do {                                            \
    if (!(condition)) {                           \
      fprintf(stderr, "failed: %s\n", #condition); \
      exit(1);                                    \
    }                                             \
  } while (0)

static rx_ring ring;
static uint8_t taken[RX_RING_BYTES + 1];

static void fill(uint32_t count, uint32_t first) {
  for (uint32_t i = 0; i < count; i++) {
    rx_ring_put(&ring, (uint8_t)(first + i));
  }
}

static void check_taken(size_t count, uint32_t first) {
  for (size_t i = 0; i < count; i++) {
    CHECK(taken[i] == (uint8_t)(first + i));
  }
}

int main(void) {
  CHECK(rx_ring_empty(&ring));
  CHECK(rx_ring_take(&ring, taken, sizeof taken) == 0);

  /* the counters wrap in the middle of a full ring */
  ring.written = ring.taken = UINT32_MAX - 100u;
  fill(RX_RING_BYTES, 7);
  CHECK(ring.lost == 0);
  CHECK(rx_ring_take(&ring, taken, 10) == 10);
  check_taken(10, 7);
  CHECK(rx_ring_take(&ring, taken, sizeof taken) == RX_RING_BYTES - 10);
  check_taken(RX_RING_BYTES - 10, 17);
  CHECK(rx_ring_empty(&ring));

  /* a full ring keeps the oldest bytes and counts the newest as lost */
  fill(RX_RING_BYTES + 3, 0);
  CHECK(ring.lost == 3);
  CHECK(rx_ring_take(&ring, taken, sizeof taken) == RX_RING_BYTES);
  check_taken(RX_RING_BYTES, 0);
  return 0;
}
"""


def test_ring(build_program: Callable[..., Path], tmp_path: Path) -> None:
    source = tmp_path / "ring.c"
    source.write_text(PROGRAM)
    program = build_program([source], ["-I", str(ROOT / "firmware" / "ports" / "common")])
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
