"""The kernels' shared arithmetic in C against its exact twin in Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.export.fixed_functions import reciprocal_of_one_plus_q31
from training.export.fixed_point import (
    divide_by_power_of_two,
    multiply_high,
    requantize,
)

LIB = Path(__file__).resolve().parents[2] / "firmware" / "lib" / "sotto"
NN = LIB / "src" / "nn"
WRAPPER = """
#include "fixed_point.h"
int32_t multiply_high(int32_t a, int32_t b);
int32_t multiply_high(int32_t a, int32_t b) { return sotto_multiply_high(a, b); }
int32_t divide(int32_t a, int32_t b);
int32_t divide(int32_t a, int32_t b) { return sotto_divide_by_power_of_two(a, b); }
int32_t requantise(int32_t a, int32_t b, int32_t c);
int32_t requantise(int32_t a, int32_t b, int32_t c) { return sotto_requantise(a, b, c); }
"""
EDGES = (-(2**31) + 1, -(2**30), -257, -128, -3, -2, -1, 0, 1, 2, 3, 127, 255, 2**30, 2**31 - 1)
RANDOM_VALUES = 3_000
RECIPROCAL_ERROR = 8
"""In units of Q31."""


@pytest.fixture(scope="module")
def library(build_shared: Callable, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    source = tmp_path_factory.mktemp("fixed_point") / "wrapper.c"
    source.write_text(WRAPPER)
    return build_shared([source], ["-I", str(NN)])


def test_multiply_high(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(1)
    pairs = [(a, b) for a in EDGES for b in EDGES]
    pairs += rng.integers(-(2**31) + 1, 2**31, (RANDOM_VALUES, 2)).tolist()
    for a, b in pairs:
        assert library.multiply_high(a, b) == multiply_high(a, b), (a, b)


def test_divide_by_power_of_two(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(2)
    values = [*EDGES, -(2**31), *rng.integers(-(2**31), 2**31, RANDOM_VALUES // 10).tolist()]
    for value in values:
        for exponent in range(32):
            expected = divide_by_power_of_two(value, exponent)
            assert library.divide(value, exponent) == expected, (value, exponent)


def test_requantise_over_its_whole_domain(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(3)
    for shift in range(-31, 31):
        limit = (2**31 - 1) >> max(shift, 0)
        values = [0, 1, -1, limit, -limit, *rng.integers(-limit, limit + 1, 40).tolist()]
        for value in values:
            for multiplier in (0, 2**30, 2**31 - 1, int(rng.integers(2**30, 2**31))):
                expected = requantize(value, multiplier, shift)
                assert library.requantise(value, multiplier, shift) == expected


def test_reciprocal(build_shared: Callable, tmp_path: Path) -> None:
    """The static function inside of the softmax kernel, to the last bit of Q31."""
    wrapper = tmp_path / "reciprocal.c"
    wrapper.write_text(
        '#include "softmax_s8.c"\n'
        "int32_t reciprocal(int32_t x);\n"
        "int32_t reciprocal(int32_t x) { return reciprocal_of_one_plus(x); }\n"
    )
    library = build_shared([wrapper], ["-I", str(NN)])
    rng = np.random.default_rng(4)
    for x in [0, 1, 2**30, 2**31 - 1, *rng.integers(0, 2**31, RANDOM_VALUES).tolist()]:
        assert library.reciprocal(x) == reciprocal_of_one_plus_q31(x), x
        assert abs(reciprocal_of_one_plus_q31(x) - 2**31 / (1 + x / 2**31)) < RECIPROCAL_ERROR


def test_public_header_compiles_alone() -> None:
    command = ["gcc", "-x", "c", "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
    command += ["-I", str(LIB / "include"), "-"]
    done = subprocess.run(
        command, input='#include "sotto/nn.h"\n', capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
