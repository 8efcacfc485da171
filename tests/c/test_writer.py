"""Texts in replies: their length, the cut, and what happens without room."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
from conftest import ROOT

MAX_BYTES = 35
CAPACITY_BYTES = 64


class Writer(ctypes.Structure):
    _fields_ = (
        ("bytes", ctypes.POINTER(ctypes.c_uint8)),
        ("capacity_bytes", ctypes.c_size_t),
        ("length_bytes", ctypes.c_size_t),
    )


@pytest.fixture
def write_text(build_shared: Callable[..., ctypes.CDLL]) -> Callable[..., bytes]:
    """`write_text(text, capacity_bytes)` -> the bytes that the firmware appends."""
    library = build_shared([ROOT / "firmware" / "src" / "writer.c"])

    def write(text: str, capacity_bytes: int = CAPACITY_BYTES) -> bytes:
        payload = (ctypes.c_uint8 * CAPACITY_BYTES)()
        writer = Writer(payload, capacity_bytes, 0)
        library.sotto_write_text(
            ctypes.byref(writer), ctypes.c_char_p(text.encode()), ctypes.c_size_t(MAX_BYTES)
        )
        return bytes(payload[: writer.length_bytes])

    return write


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("für", "für"),
        ("a" * 35, "a" * 35),
        ("a" * 36, "a" * 35),
        ("a" * 33 + "ü", "a" * 33 + "ü"),
        ("a" * 34 + "ü", "a" * 34),
        ("ü" * 20, "ü" * 17),
        ("a" * 33 + "猫", "a" * 33),
        ("a" * 32 + "🐈" + "b", "a" * 32),
    ],
)
def test_a_text_is_cut_between_characters(
    write_text: Callable[..., bytes], text: str, kept: str
) -> None:
    assert write_text(text) == bytes([len(kept.encode())]) + kept.encode()


def test_a_text_without_room_is_left_out_whole(write_text: Callable[..., bytes]) -> None:
    assert write_text("four", 5) == b"\x04four"
    assert write_text("four", 4) == b""
