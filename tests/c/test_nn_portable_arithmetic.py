"""Products with and without a 64-bit multiplication, on this computer, under sanitizers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.export.fixed_point import multiply_high

SOURCES = Path(__file__).resolve().parents[2] / "firmware/lib/sotto/src/nn_portable"
WRAPPER = """
#include "{header}"
int32_t high_word(int32_t a, int32_t b);
int32_t high_word(int32_t a, int32_t b) {{ return portable_high_word(a, b); }}
int32_t rounded(int32_t a, int32_t b);
int32_t rounded(int32_t a, int32_t b) {{ return portable_multiply_high(a, b); }}
"""
FACTORS = (0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**30, 2**31 - 2, 2**31 - 1)
VALUES = (0, 1, -1, 0x7FFF, -0x8000, 0xFFFF, -0x10000, 2**29 - 1, -(2**29) + 1)
FULL_VALUES = (*VALUES, 2**31 - 1, -(2**31), -(2**31) + 1)
RANDOM_PAIRS = 3_000


@pytest.fixture(scope="module", params=["multiply_high_wide.h", "multiply_high_narrow.h"])
def library(
    request: pytest.FixtureRequest, build_shared: Callable, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    source = tmp_path_factory.mktemp("products") / "wrapper.c"
    source.write_text(WRAPPER.format(header=request.param))
    return build_shared([source], ["-I", str(SOURCES)])


def _pairs(edges: tuple[int, ...], limit: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(7)
    values = rng.integers(-limit, limit, RANDOM_PAIRS).tolist()
    factors = rng.integers(0, 2**31, RANDOM_PAIRS).tolist()
    return [(v, f) for v in edges for f in FACTORS] + list(zip(values, factors, strict=True))


def test_high_word_of_every_value(library: ctypes.CDLL) -> None:
    for value, factor in _pairs(FULL_VALUES, 2**31):
        assert library.high_word(value, factor) == (value * factor) >> 32, (value, factor)


def test_rounded_product_of_accumulators(library: ctypes.CDLL) -> None:
    for value, factor in _pairs(VALUES, 2**29):
        assert library.rounded(value, factor) == multiply_high(value, factor), (value, factor)
