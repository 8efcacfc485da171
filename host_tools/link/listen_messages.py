"""Payloads of the listening mode as frozen dataclasses. docs/protocol.md gives every byte."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from host_tools.link.messages import MalformedReplyError, unpack_fields

ONE_Q15 = 1 << 15
"""1.0 as an average or a threshold."""


@dataclass(frozen=True)
class SettingsReply:
    """Values of the settings from number `first` on; the last one has the number `last`."""

    first: int
    last: int
    values: tuple[int, ...]

    _LAYOUT = struct.Struct("<HH")

    @classmethod
    def unpack(cls, payload: bytes) -> SettingsReply:
        """Read the payload of a SETTINGS_GET reply."""
        size = cls._LAYOUT.size
        first, last = unpack_fields(cls._LAYOUT, payload[:size])
        if len(payload) % 2:
            raise MalformedReplyError(f"{len(payload)} bytes hold no whole values")
        return cls(first, last, struct.unpack(f"<{(len(payload) - size) // 2}H", payload[size:]))


def pack_changes(changes: Mapping[int, int]) -> bytes:
    """Payload of SETTINGS_SET: value by number, both u16."""
    return b"".join(struct.pack("<HH", number, value) for number, value in changes.items())


@dataclass(frozen=True)
class ListenPiece:
    """Body of LISTEN: samples s16 from `offset_samples` on, and how many words the host has."""

    stream: int
    offset_samples: int
    words_fetched: int
    data: bytes

    _LAYOUT = struct.Struct("<III")

    def pack(self) -> bytes:
        """Payload of the request."""
        head = self._LAYOUT.pack(self.stream, self.offset_samples, self.words_fetched)
        return head + self.data


@dataclass(frozen=True)
class HeardWord:
    """A word that a board heard.

    Attributes:
        sample: samples from the beginning of the stream to the end of the frame that decided.
        label: index of the class.
        average_q15: averaged posterior, 0 to ONE_Q15.
    """

    sample: int
    label: int
    average_q15: int

    _LAYOUT = struct.Struct("<IHH")

    @classmethod
    def unpack_all(cls, count: int, packed: bytes) -> tuple[HeardWord, ...]:
        """Read the words at the end of a reply, which says how many they are."""
        if len(packed) != count * cls._LAYOUT.size:
            raise MalformedReplyError(f"{len(packed)} bytes for {count} words")
        return tuple(cls(*fields) for fields in cls._LAYOUT.iter_unpack(packed))


@dataclass(frozen=True)
class ListenReply:
    """`next_samples` is what the board expects now, 0 when it does not know the stream.

    Attributes:
        first_word: number of the first of `words`, counted from the stream's beginning.
        status: negative status of the library when the stream has failed, otherwise 0.
    """

    stream: int
    next_samples: int
    first_word: int
    status: int
    words: tuple[HeardWord, ...]

    _LAYOUT = struct.Struct("<IIIBbxx")

    @classmethod
    def unpack(cls, payload: bytes) -> ListenReply:
        """Read the payload of a LISTEN reply."""
        size = cls._LAYOUT.size
        stream, expected, first, count, status = unpack_fields(cls._LAYOUT, payload[:size])
        words = HeardWord.unpack_all(count, payload[size:])
        return cls(stream, expected, first, status, words)


@dataclass(frozen=True)
class ListenStatistics:
    """What a board did for a stream since its beginning; ticks in the board's unit.

    Attributes:
        steps: answers that detection got, those that the gate skipped included.
        scores_crc32: over the scores after each step.
    """

    samples: int
    frames: int
    steps: int
    steps_skipped: int
    invokes: int
    words: int
    scores_crc32: int
    ticks_frontend: int
    ticks_network: int
    ticks_detect: int

    _LAYOUT = struct.Struct("<8I3Q")

    @classmethod
    def unpack(cls, payload: bytes) -> ListenStatistics:
        """Read the payload of a STATISTICS reply."""
        _, *fields = unpack_fields(cls._LAYOUT, payload)
        return cls(*fields)
