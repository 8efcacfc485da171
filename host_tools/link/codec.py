"""Frames of the serial link, without I/O: bytes in, frames out. docs/protocol.md gives every byte.

The twin of firmware/lib/sotto/src/link/frame.c; both read tests/vectors/link_frames.json.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

PROTOCOL_VERSION = 1
PAYLOAD_MAX_BYTES = 1040
REPLY_MAX_BYTES = 256
DELIMITER = b"\x00"

_HEADER = struct.Struct("<BBH")
_CRC = struct.Struct("<I")
_BODY_MIN_BYTES = _HEADER.size + _CRC.size
_BODY_MAX_BYTES = _BODY_MIN_BYTES + PAYLOAD_MAX_BYTES
_LONGEST_RUN = 254


class FrameStatus(enum.Enum):
    """What became of the bytes between two delimiters."""

    GOOD = "good"
    BAD_COBS = "bad_cobs"
    BAD_SIZE = "bad_size"
    BAD_CRC = "bad_crc"


@dataclass(frozen=True)
class Frame:
    """Header and payload. `type` is u8, `request` u16, `version` u8."""

    type: int
    request: int
    payload: bytes = b""
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True)
class Received:
    """One judged piece of the byte stream; `frame` is None unless the status is GOOD."""

    status: FrameStatus
    frame: Frame | None = None


def wire_max_bytes(payload_bytes: int) -> int:
    """Longest encoding of a frame with that payload, both delimiters included."""
    body_bytes = _BODY_MIN_BYTES + payload_bytes
    return body_bytes + body_bytes // _LONGEST_RUN + 1 + 2 * len(DELIMITER)


def encode(frame: Frame) -> bytes:
    """Write one frame with both delimiters.

    Raises:
        ValueError: the payload is longer than PAYLOAD_MAX_BYTES.
    """
    if len(frame.payload) > PAYLOAD_MAX_BYTES:
        raise ValueError(f"payload of {len(frame.payload)} bytes, at most {PAYLOAD_MAX_BYTES}")
    checked = _HEADER.pack(frame.version, frame.type, frame.request) + frame.payload
    return DELIMITER + cobs_encode(checked + _CRC.pack(zlib.crc32(checked))) + DELIMITER


def judge(stuffed: bytes) -> Received:
    """Decode the bytes between two delimiters. Never raises."""
    body, complete = cobs_decode(stuffed)
    if len(body) > _BODY_MAX_BYTES:
        return Received(FrameStatus.BAD_SIZE)
    if not complete:
        return Received(FrameStatus.BAD_COBS)
    if len(body) < _BODY_MIN_BYTES:
        return Received(FrameStatus.BAD_SIZE)
    checked, crc = body[: -_CRC.size], body[-_CRC.size :]
    if _CRC.unpack(crc)[0] != zlib.crc32(checked):
        return Received(FrameStatus.BAD_CRC)
    version, kind, request = _HEADER.unpack_from(checked)
    return Received(FrameStatus.GOOD, Frame(kind, request, checked[_HEADER.size :], version))


class Decoder:
    """Receives one direction of the link; keeps at most one unfinished frame."""

    def __init__(self) -> None:
        self._stuffed = bytearray()

    def feed(self, data: bytes) -> list[Received]:
        """Judge every frame that ends in `data`; delimiters in a row enclose nothing."""
        received = []
        *ended, rest = data.split(DELIMITER)
        for piece in ended:
            self._collect(piece)
            if self._stuffed:
                received.append(judge(bytes(self._stuffed)))
                self._stuffed.clear()
        self._collect(rest)
        return received

    def _collect(self, piece: bytes) -> None:
        # However long the line babbles: no more is kept than shows that a frame is too long.
        room = wire_max_bytes(PAYLOAD_MAX_BYTES) + 1 - len(self._stuffed)
        self._stuffed += piece[:room]


def cobs_encode(body: bytes) -> bytes:
    """Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): no zero in the result."""
    stuffed = bytearray()
    pieces = body.split(b"\x00")
    for index, piece in enumerate(pieces):
        while len(piece) > _LONGEST_RUN or (len(piece) == _LONGEST_RUN and index + 1 < len(pieces)):
            stuffed.append(_LONGEST_RUN + 1)
            stuffed += piece[:_LONGEST_RUN]
            piece = piece[_LONGEST_RUN:]
        stuffed.append(len(piece) + 1)
        stuffed += piece
    return bytes(stuffed)


def cobs_decode(stuffed: bytes) -> tuple[bytes, bool]:
    """Undo `cobs_encode`: the bytes, and False when the last run is cut short."""
    body = bytearray()
    at = 0
    while at < len(stuffed):
        code = stuffed[at]
        body += stuffed[at + 1 : at + code]
        at += code
        if code <= _LONGEST_RUN and at < len(stuffed):
            body.append(0)
    return bytes(body), at == len(stuffed)
