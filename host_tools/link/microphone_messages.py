"""Payloads of the board's own microphone as frozen dataclasses. docs/protocol.md gives every byte.

The twin of firmware/src/microphone_commands.c.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

import numpy as np

from host_tools.link.listen_messages import HeardWord
from host_tools.link.messages import MalformedReplyError, unpack_fields, unpack_texts

UNITY_GAIN_Q8 = 1 << 8
SAMPLES_PER_REPLY = 122
"""Most samples of one CAPTURE_SAMPLES reply."""


class CaptureState(enum.IntEnum):
    """How a capture stands."""

    STOPPED = 0
    RUNS = 1
    UNKNOWN = 2
    NO_MICROPHONE = 3
    OTHER_RATE = 4
    DID_NOT_START = 5


class CaptureChoice(enum.IntFlag):
    """What a board does with the samples."""

    LISTENS = 1
    FED = 2


@dataclass(frozen=True)
class MicrophoneFacts:
    """What a board's microphone is; `name` is empty on a board without one.

    Attributes:
        bits: that the converter resolves; 1 of a PDM part.
        channels: microphones on the board, of which one is read.
        gain_q8: what the board multiplies by, in 1/256.
        kept_samples: how many the board keeps for the host.
    """

    sample_rate_hz: int
    bits: int
    channels: int
    gain_q8: int
    kept_samples: int
    name: str

    _LAYOUT = struct.Struct("<IBBHI")

    @classmethod
    def unpack(cls, payload: bytes) -> MicrophoneFacts:
        """Read the payload of a MICROPHONE reply."""
        size = cls._LAYOUT.size
        numbers = unpack_fields(cls._LAYOUT, payload[:size])
        texts = unpack_texts(payload[size:])
        if len(texts) != 1:
            raise MalformedReplyError(f"MICROPHONE carries {len(texts)} texts, expected 1")
        return cls(*(*numbers, texts[0]))


def pack_begin(stream: int, gain_q8: int, choices: CaptureChoice) -> bytes:
    """Payload of CAPTURE_BEGIN."""
    return struct.pack("<IHBx", stream, gain_q8, choices)


def unpack_state(payload: bytes) -> CaptureState:
    """Read the payload of a CAPTURE_BEGIN or CAPTURE_END reply."""
    _, state = unpack_fields(struct.Struct("<IB"), payload)
    return _state(state)


@dataclass(frozen=True)
class HeardReply:
    """How a capture fares, and the words from number `first_word` on.

    Attributes:
        listens: False when another request took the listener's memory.
        offset: mean of the microphone's samples, which the board takes away.
        captured: samples so far, modulo 2^32.
        lost: samples that the microphone's buffer had no room for.
        at_limit: captured samples that stand at a limit of int16.
        status: negative status of the library when hearing has failed, otherwise 0.
    """

    stream: int
    state: CaptureState
    listens: bool
    offset: int
    captured: int
    lost: int
    at_limit: int
    first_word: int
    status: int
    gain_q8: int
    words: tuple[HeardWord, ...]

    _LAYOUT = struct.Struct("<IB?hIIIIBbH")

    @classmethod
    def unpack(cls, payload: bytes) -> HeardReply:
        """Read the payload of a CAPTURE_HEARD reply."""
        size = cls._LAYOUT.size
        stream, state, listens, *numbers, count, status, gain_q8 = unpack_fields(
            cls._LAYOUT, payload[:size]
        )
        words = HeardWord.unpack_all(count, payload[size:])
        return cls(*(stream, _state(state), listens, *numbers, status, gain_q8, words))


@dataclass(frozen=True, eq=False)
class SamplesReply:
    """Samples int16[n] from position `first` on, which is later than asked for when some are gone.

    Attributes:
        captured: samples so far: position of the next one.
    """

    stream: int
    first: int
    captured: int
    samples: np.ndarray

    _LAYOUT = struct.Struct("<III")

    @classmethod
    def unpack(cls, payload: bytes) -> SamplesReply:
        """Read the payload of a CAPTURE_SAMPLES reply."""
        size = cls._LAYOUT.size
        fields = unpack_fields(cls._LAYOUT, payload[:size])
        if (len(payload) - size) % 2:
            raise MalformedReplyError(f"{len(payload) - size} bytes are no whole samples")
        return cls(*(*fields, np.frombuffer(payload[size:], "<i2").astype(np.int16)))


def _state(number: int) -> CaptureState:
    if number not in set(CaptureState):
        raise MalformedReplyError(f"capture state {number} is unknown")
    return CaptureState(number)
