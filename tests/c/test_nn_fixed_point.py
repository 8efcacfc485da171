"""The kernels' shared arithmetic in C against its exact twin in Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.export import fixed_functions
from training.export.fixed_point import (
    divide_by_power_of_two,
    multiply_high,
    requantize,
)
from training.export.program import SoftmaxParams

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


def test_softmax_reciprocal_against_python(build_shared: Callable) -> None:
    """One class more each time: the sums of exponentials walk through Q12.19."""
    kernels = build_shared([NN / "softmax_s8.c"])
    table = fixed_functions.softmax_exp_table(0.05, 1.0)
    rng = np.random.default_rng(4)
    for classes in (1, 2, 3, 5, 17, 100, 256, 511):
        source = rng.integers(-128, 128, classes).astype(np.int8)
        expected = _softmax(source, table)
        params = SoftmaxParams(1, classes, table)
        struct = (ctypes.c_int32 * 4).from_buffer_copy(
            np.array([params.rows, classes], np.int32).tobytes()
            + np.array([table.ctypes.data], np.uint64).tobytes()
        )
        output = np.zeros(classes, np.int8)
        pointers = (ctypes.c_void_p(a.ctypes.data) for a in (source, output))
        kernels.sotto_softmax_s8(struct, *pointers)
        np.testing.assert_array_equal(output, expected)


def _softmax(source: np.ndarray, table: np.ndarray) -> np.ndarray:
    exponentials = [int(table[int(source.max()) - int(v)]) for v in source]
    total_q19 = sum(divide_by_power_of_two(e, 12) for e in exponentials)
    zeros = 32 - total_q19.bit_length()
    reciprocal = fixed_functions.reciprocal_of_one_plus_q31((total_q19 << zeros) - 2**31)
    exponent = 12 - zeros + 23
    shares = [divide_by_power_of_two(multiply_high(reciprocal, e), exponent) for e in exponentials]
    return np.clip(np.array(shares) - 128, -128, 127).astype(np.int8)


def test_public_header_compiles_alone() -> None:
    command = ["gcc", "-x", "c", "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
    command += ["-I", str(LIB / "include"), "-"]
    done = subprocess.run(
        command, input='#include "sotto/nn.h"\n', capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
