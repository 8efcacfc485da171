"""The shift of a state against NumPy: all small sizes, and those of streaming models."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(__file__).resolve().parents[2] / "firmware/lib/sotto/src/nn/shift_s8.c"
GUARD = 16


class Params(ctypes.Structure):
    _fields_ = (("kept_bytes", ctypes.c_int32), ("dropped_bytes", ctypes.c_int32))


@pytest.fixture(scope="module")
def library(build_shared: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    return build_shared([SOURCE])


def _aligned(size: int) -> np.ndarray:
    """Random bytes at an address that is a multiple of 16."""
    raw = np.random.default_rng(size).integers(-128, 128, size + 16).astype(np.int8)
    return raw[-raw.ctypes.data % 16 :][:size]


@pytest.mark.parametrize("dropped", [1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 20, 30, 32, 40, 60, 120])
def test_shift(dropped: int, library: ctypes.CDLL) -> None:
    for kept in (*range(70), 80, 120, 240, 480, 720, 1200):
        state = _aligned(kept + dropped + GUARD)
        before = state.copy()
        library.sotto_shift_s8(
            ctypes.byref(Params(kept, dropped)), ctypes.c_void_p(state.ctypes.data)
        )
        np.testing.assert_array_equal(state[:kept], before[dropped : dropped + kept])
        np.testing.assert_array_equal(state[dropped + kept :], before[dropped + kept :])
