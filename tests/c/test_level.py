"""DC removal and gain of a microphone's samples, against the same in Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import LIB

SOURCES = sorted((LIB / "src" / "microphone").glob("*.c"))
SHIFT = 8


class HighPass(ctypes.Structure):
    _fields_ = (("mean_q15", ctypes.c_int32),)


@pytest.fixture(scope="module")
def library(build_shared: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    built = build_shared(SOURCES)
    built.sotto_high_pass_mean.restype = ctypes.c_int16
    built.sotto_gain_run.restype = ctypes.c_size_t
    return built


def high_passed(library: ctypes.CDLL, state: HighPass, samples: np.ndarray) -> np.ndarray:
    done = samples.copy()
    library.sotto_high_pass_run(
        ctypes.byref(state), ctypes.c_void_p(done.ctypes.data), ctypes.c_size_t(done.size)
    )
    return done


def plain_high_pass(samples: np.ndarray) -> np.ndarray:
    mean_q15, out = 0, []
    for sample in samples.tolist():
        out.append(sample - max(-32_768, min(32_767, (mean_q15 + (1 << 14)) >> 15)))
        mean_q15 += (sample * (1 << 15) - mean_q15) >> SHIFT
    return np.clip(out, -32_768, 32_767).astype(np.int16)


def extremes(count: int) -> np.ndarray:
    """Noise, then long stretches at both limits."""
    noise = np.random.default_rng(8).integers(-32_768, 32_768, count, dtype=np.int16)
    low, high = np.full(count, -32_768, np.int16), np.full(count, 32_767, np.int16)
    return np.concatenate([noise, low, high, low, noise])


def test_high_pass_is_its_formula_also_at_the_limits(library: ctypes.CDLL) -> None:
    samples = extremes(1_500)
    np.testing.assert_array_equal(
        high_passed(library, HighPass(), samples), plain_high_pass(samples)
    )


def test_high_pass_takes_an_offset_away_and_names_it(library: ctypes.CDLL) -> None:
    state = HighPass()
    done = high_passed(library, state, np.full(4_000, 1_234, np.int16))
    assert not done[-1_000:].any()
    assert library.sotto_high_pass_mean(ctypes.byref(state)) == 1_234


@pytest.mark.parametrize(
    ("frequency_hz", "least_db", "most_db"), [(10, -3.3, -2.7), (100, -0.1, 0)]
)
def test_high_pass_corner(
    frequency_hz: float, least_db: float, most_db: float, library: ctypes.CDLL
) -> None:
    times_s = np.arange(32_000) / 16_000
    sine = np.rint(10_000 * np.sin(2 * np.pi * frequency_hz * times_s)).astype(np.int16)
    done = high_passed(library, HighPass(), sine)[16_000:].astype(float)
    loss_db = 10 * np.log10(np.mean(done**2) / np.mean(sine[16_000:].astype(float) ** 2))
    assert least_db < loss_db < most_db


@pytest.mark.parametrize("gain_q8", [0, 1, 128, 256, 300, 4_096, 65_535])
def test_gain_rounds_saturates_and_counts(library: ctypes.CDLL, gain_q8: int) -> None:
    samples = np.concatenate([extremes(300), np.arange(-300, 300, dtype=np.int16)])
    expected = np.clip((samples.astype(np.int64) * gain_q8 + 128) >> 8, -32_768, 32_767)
    done = samples.copy()
    at_limit = library.sotto_gain_run(
        ctypes.c_void_p(done.ctypes.data), ctypes.c_size_t(done.size), ctypes.c_uint16(gain_q8)
    )
    np.testing.assert_array_equal(done, expected)
    assert at_limit == np.count_nonzero(np.abs(expected.astype(int) + 0.5) == 32_767.5)


SANITIZED = r"""
#include "sotto/level.h"
#include "sotto/pdm.h"

int main(void) {
  static const sotto_pdm_filter *const filters[] = {&sotto_pdm_sinc3, &sotto_pdm_sinc4};
  static const uint8_t patterns[] = {0x00, 0xFF, 0x55, 0xF0, 0x00, 0x80};
  uint8_t bits[777];
  int16_t samples[SOTTO_PDM_SAMPLES_MAX(sizeof bits, 1024000u)];
  for (uint32_t megahertz_half = 2; megahertz_half <= 6; megahertz_half++) {
    for (uint32_t order = 0; order < 2; order++) {
      sotto_pdm pdm;
      sotto_high_pass filter;
      sotto_high_pass_reset(&filter);
      if (sotto_pdm_init(&pdm, filters[order], megahertz_half * 512000u) != SOTTO_OK) return 1;
      for (uint32_t round = 0; round < 12; round++) {
        for (uint32_t i = 0; i < sizeof bits; i++) bits[i] = patterns[round % sizeof patterns];
        const size_t count = sotto_pdm_push(&pdm, bits, sizeof bits - round, samples);
        sotto_high_pass_run(&filter, samples, count);
        (void)sotto_gain_run(samples, count, 65535u);
      }
    }
  }
  return sotto_pdm_init(&(sotto_pdm){0}, NULL, 1024000u) != SOTTO_E_ARGUMENT;
}
"""


def test_nothing_overflows_at_the_limits(
    build_program: Callable[..., Path], tmp_path: Path
) -> None:
    source = tmp_path / "limits.c"
    source.write_text(SANITIZED)
    done = subprocess.run(
        [build_program([source, *SOURCES])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
