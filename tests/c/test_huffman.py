"""The decoder of coded constants: what the encoder wrote comes back, what is corrupt is refused."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import LIB
from hypothesis import given
from hypothesis import strategies as st

from training.export.huffman import MAX_BITS, VALUES, HuffmanCode, fit_code

SOURCE = LIB / "src" / "nn_coding" / "huffman.c"
OK, E_ARGUMENT, E_SIZE = 0, -1, -2
GUARD = b"\xa5" * 8


class Code(ctypes.Structure):
    _fields_ = (
        ("codes_of_length", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("value_count", ctypes.c_uint16),
        ("escape", ctypes.c_uint16),
    )


@pytest.fixture(scope="module")
def library(build_shared: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    return build_shared([SOURCE])


def decode(
    library: ctypes.CDLL, code: HuffmanCode, coded: bytes, decoded_bytes: int
) -> tuple[int, bytes]:
    """Status and bytes; whatever happens, nothing is written behind them."""
    table = Code(
        code.codes_of_length.ctypes.data, code.values.ctypes.data, len(code.values), code.escape
    )
    out = ctypes.create_string_buffer(bytes(decoded_bytes) + GUARD, decoded_bytes + len(GUARD))
    status = library.sotto_huffman_decode(
        ctypes.byref(table),
        coded,
        ctypes.c_size_t(len(coded)),
        out,
        ctypes.c_size_t(decoded_bytes),
    )
    assert out.raw[decoded_bytes:] == GUARD
    return status, out.raw[:decoded_bytes]


def skewed(size: int, spread: float, seed: int) -> bytes:
    """Bytes of int8 weights: small ones are common."""
    drawn = np.random.default_rng(seed).laplace(0, spread, size)
    return np.clip(np.rint(drawn), -128, 127).astype(np.int8).tobytes()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\x07" * 1000,
        bytes(range(256)) * 4,
        b"".join(bytes([v]) * 2**v for v in range(17)),  # Huffman's own code would have 16 bits
        skewed(5_000, 3, 1),
        skewed(5_000, 40, 2),
    ],
    ids=["one", "constant", "uniform", "deep", "narrow", "wide"],
)
def test_what_was_coded_comes_back(data: bytes, library: ctypes.CDLL) -> None:
    code = fit_code([data])
    coded = code.encode(data).tobytes()
    assert decode(library, code, coded, len(data)) == (OK, data)
    assert (code.codes_of_length / 2.0 ** np.arange(1, MAX_BITS + 1)).sum() == 1.0


def test_length_comes_near_the_entropy() -> None:
    data = skewed(20_000, 3, 3)
    counts = np.bincount(np.frombuffer(data, np.uint8))
    share = counts[counts > 0] / len(data)
    entropy_bytes = -len(data) * float(np.sum(share * np.log2(share))) / 8
    code = fit_code([data])
    assert len(code.encode(data)) < 1.02 * entropy_bytes
    assert code.table_bytes < VALUES / 3


@given(data=st.binary(min_size=1, max_size=300), other=st.binary(max_size=300))
def test_any_bytes_by_a_code_of_others(library: ctypes.CDLL, data: bytes, other: bytes) -> None:
    code = fit_code([data])
    assert decode(library, code, code.encode(other).tobytes(), len(other)) == (OK, other)


@given(
    coded=st.binary(max_size=80),
    counts=st.lists(st.integers(0, 5), min_size=MAX_BITS, max_size=MAX_BITS),
    values=st.integers(0, VALUES),
    escape=st.integers(0, 2**16 - 1),
    size=st.integers(0, 100),
)
def test_no_table_and_no_bytes_break_it(
    library: ctypes.CDLL, coded: bytes, counts: list[int], values: int, escape: int, size: int
) -> None:
    code = HuffmanCode(np.array(counts, np.uint16), np.arange(values).astype(np.uint8), escape)
    status, _ = decode(library, code, coded, size)
    space = sum(n << (MAX_BITS - length) for length, n in enumerate(counts, start=1))
    sound = space == 1 << MAX_BITS and sum(counts) == values + 1 and escape <= values
    assert status in ((OK, E_SIZE) if sound else (E_ARGUMENT,))


def test_what_is_corrupt_is_refused(library: ctypes.CDLL) -> None:
    data = skewed(400, 4, 4)
    code = fit_code([data])
    coded = code.encode(data).tobytes()
    assert decode(library, code, coded[:-1], len(data))[0] == E_SIZE
    assert decode(library, code, coded + b"\x00", len(data))[0] == E_SIZE
    assert decode(library, code, coded, len(data) - 5)[0] == E_SIZE
    assert decode(library, code, b"", len(data))[0] == E_SIZE
    assert decode(library, replace(code, values=code.values[:-1]), coded, 9)[0] == E_ARGUMENT
    more = code.codes_of_length + np.uint16(1)
    assert decode(library, replace(code, codes_of_length=more), coded, 9)[0] == E_ARGUMENT
    assert decode(library, replace(code, escape=len(code.values) + 1), coded, 9)[0] == E_ARGUMENT


SANITIZED = r"""
#include "sotto/huffman.h"

/* Every table of three lengths, most of them no code, over bytes that end everywhere. */
int main(void) {
  uint8_t values[256], coded[24], decoded[32];
  uint16_t lengths[SOTTO_HUFFMAN_MAX_BITS] = {0};
  unsigned sound = 0;
  for (unsigned i = 0; i < sizeof values; i++) values[i] = (uint8_t)i;
  for (unsigned i = 0; i < sizeof coded; i++) coded[i] = (uint8_t)(i * 151u);
  for (unsigned table = 0; table < 3 * 5 * 9 * 16; table++) {
    lengths[0] = (uint16_t)(table % 3);
    lengths[1] = (uint16_t)(table / 3 % 5);
    lengths[2] = (uint16_t)(table / 15 % 9);
    const uint16_t count = (uint16_t)(table / 135);
    const sotto_huffman_code code = {lengths, values, count, (uint16_t)(count / 2)};
    for (size_t size = 0; size <= sizeof coded; size++) {
      const int status = sotto_huffman_decode(&code, coded + sizeof coded - size, size, decoded,
                                              sizeof decoded);
      if (status > 0) return 1;
      sound += status == SOTTO_OK || status == SOTTO_E_SIZE;
    }
  }
  return sound == 0;
}
"""


def test_under_sanitizers(build_program: Callable[..., Path], tmp_path: Path) -> None:
    main = tmp_path / "tables.c"
    main.write_text(SANITIZED)
    done = subprocess.run([build_program([main, SOURCE])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
