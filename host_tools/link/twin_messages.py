"""Payloads of HEALTH and of the TRACE requests. docs/protocol.md gives every byte.

The twin of firmware/src/twin_commands.c.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass, field

from host_tools.link.messages import (
    MalformedReplyError,
    SelfTest,
    unpack_fields,
    unpack_texts,
)
from host_tools.link.upload import ClipSource


class ResetCause(enum.IntEnum):
    """Why a board started last."""

    UNKNOWN = 0
    POWER_ON = 1
    PIN = 2
    SOFTWARE = 3
    WATCHDOG = 4
    FAULT = 5
    BROWN_OUT = 6


class Guard(enum.IntFlag):
    """Memory that someone wrote to who had no business there."""

    BEFORE_ARENA = 1
    AFTER_ARENA = 2
    AFTER_WORKSPACE = 4
    STACK = 8


class BuildFact(enum.IntFlag):
    """How the firmware was compiled."""

    FAST_MATH = 1
    CHAR_UNSIGNED = 2
    INT8_UNSIGNED = 4
    NOT_OPTIMISED = 8
    PACKED = 16
    COMPARES_KERNELS = 32


class FrontendStage(enum.IntEnum):
    """What the front-end computes of a frame, in this order."""

    WINDOWED = 0
    SPECTRUM = 1
    POWER = 2
    MEL = 3
    FEATURES = 4


class Tail(enum.IntEnum):
    """Stages of a step behind its layers: a stage's number is the count of layers and this."""

    SCORES = 0
    POSTERIORS = 1
    AVERAGES = 2
    DECISION = 3


@dataclass(frozen=True)
class Health:
    """How a board fares, and what lies in its flash.

    Attributes:
        restarts: since power came on, the first start not counted.
        stack_bytes: room for the stack; 0 = unknown.
        watchdog_ms: 0 = the board has none.
        ticks_hz: ticks of a second of the board's clock; an emulator's seconds are its own.
        tables_crc32: over the front-end's tables, the same for all kinds of core.
        constants_crc32: over the network's constant arrays, which a kind of core packs as it needs.
        self_test: the one at the board's start.
        kernels: kind of core that the network was generated for: a target of the manifest.
        compiler: its version, as it says.
    """

    reset_cause: ResetCause
    guards: Guard
    build: BuildFact
    restarts: int
    stack_bytes: int
    watchdog_ms: int
    ticks_hz: int
    tables_crc32: int
    constants_crc32: int
    self_test: SelfTest
    kernels: str
    compiler: str

    _LAYOUT = struct.Struct("<BBBx6I16s")

    @classmethod
    def unpack(cls, payload: bytes) -> Health:
        """Read the payload of a HEALTH reply."""
        size = cls._LAYOUT.size
        fields = unpack_fields(cls._LAYOUT, payload[:size])
        cause, guards, build, restarts, stack_bytes, watchdog_ms, ticks_hz, *rest = fields
        tables, constants, test = rest
        texts = unpack_texts(payload[size:])
        if len(texts) != 2:
            raise MalformedReplyError(f"HEALTH carries {len(texts)} texts, expected 2")
        known = ResetCause(cause) if cause in set(ResetCause) else ResetCause.UNKNOWN
        return cls(
            reset_cause=known,
            guards=Guard(guards),
            build=BuildFact(build),
            restarts=restarts,
            stack_bytes=stack_bytes,
            watchdog_ms=watchdog_ms,
            ticks_hz=ticks_hz,
            tables_crc32=tables,
            constants_crc32=constants,
            self_test=SelfTest.unpack(test),
            kernels=texts[0],
            compiler=texts[1],
        )


@dataclass(frozen=True)
class Note:
    """What a stage is hashed to, and the ticks that it took."""

    crc32: int
    ticks: int


_NOTE = struct.Struct("<II")


def _unpack_notes(packed: bytes) -> tuple[Note, ...]:
    if len(packed) % _NOTE.size:
        raise MalformedReplyError(f"{len(packed)} bytes are no whole notes")
    return tuple(Note(*fields) for fields in _NOTE.iter_unpack(packed))


@dataclass(frozen=True)
class Hashes:
    """CRC-32 of each stage of the front-end, over all of the first `frames` frames of a clip."""

    frames: int
    crc32: tuple[int, ...]


@dataclass(frozen=True)
class TracedSource(ClipSource):
    """A clip whose front-end stages the board hashes on the way.

    Attributes:
        hashes: by number of frames, as the replies brought them.
    """

    hashes: dict[int, Hashes] = field(default_factory=dict)

    _HASHES = struct.Struct(f"<I{len(FrontendStage)}I")

    def read(self, payload: bytes) -> int:
        """See Source."""
        size = len(payload) - self._HASHES.size
        next_offset = super().read(payload[:size])
        frames, *crc32 = unpack_fields(self._HASHES, payload[size:])
        self.hashes[frames] = Hashes(frames, tuple(crc32))
        return next_offset


@dataclass(frozen=True)
class WindowReply:
    """Stages of one window of samples.

    Attributes:
        status: 0, or the library's negative status.
        exponent: of the stage's numbers: value = number * 2^-exponent (power: twice).
        total_bytes: of the stage.
        notes: of all stages.
        data: bytes of the stage from `offset` on.
    """

    stage: int
    status: int
    exponent: int
    offset: int
    total_bytes: int
    notes: tuple[Note, ...]
    data: bytes

    _LAYOUT = struct.Struct("<BbhHH")

    @classmethod
    def unpack(cls, payload: bytes) -> WindowReply:
        """Read the payload of a TRACE_WINDOW reply."""
        size = cls._LAYOUT.size
        behind = size + len(FrontendStage) * _NOTE.size
        stage, status, exponent, offset, total = unpack_fields(cls._LAYOUT, payload[:size])
        notes = _unpack_notes(payload[size:behind])
        return cls(stage, status, exponent, offset, total, notes, payload[behind:])


@dataclass(frozen=True)
class StagesReply:
    """Stages of the steps of a clip from number `first` on, of `total`; 0 where there is no clip.

    A note's CRC-32 is over all steps asked for, its ticks are the slowest step's.
    """

    clip: int
    first: int
    total: int
    notes: tuple[Note, ...]

    _LAYOUT = struct.Struct("<IHH")

    @classmethod
    def unpack(cls, payload: bytes) -> StagesReply:
        """Read the payload of a TRACE_STAGES reply."""
        size = cls._LAYOUT.size
        clip, first, total = unpack_fields(cls._LAYOUT, payload[:size])
        return cls(clip, first, total, _unpack_notes(payload[size:]))


@dataclass(frozen=True)
class StepsReply:
    """One stage at each step from number `first` on, of `total`; 0 where there is no such stage."""

    clip: int
    stage: int
    first: int
    total: int
    notes: tuple[Note, ...]

    _LAYOUT = struct.Struct("<IHHHxx")

    @classmethod
    def unpack(cls, payload: bytes) -> StepsReply:
        """Read the payload of a TRACE_STEPS reply."""
        size = cls._LAYOUT.size
        clip, stage, first, total = unpack_fields(cls._LAYOUT, payload[:size])
        return cls(clip, stage, first, total, _unpack_notes(payload[size:]))


@dataclass(frozen=True)
class GetReply:
    """Bytes of one stage at one step from `offset` on, of `total_bytes`."""

    clip: int
    stage: int
    step: int
    offset: int
    total_bytes: int
    data: bytes

    _LAYOUT = struct.Struct("<IHHII")

    @classmethod
    def unpack(cls, payload: bytes) -> GetReply:
        """Read the payload of a TRACE_GET reply."""
        size = cls._LAYOUT.size
        clip, stage, step, offset, total = unpack_fields(cls._LAYOUT, payload[:size])
        return cls(clip, stage, step, offset, total, payload[size:])
