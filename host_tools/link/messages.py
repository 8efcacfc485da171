"""Payloads of the serial link as frozen dataclasses. docs/protocol.md gives every byte.

The twin of firmware/src/commands.c. Unpacking never trusts the length: `MalformedReplyError` names
what was expected.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

REPLY_FLAG = 0x80
ERROR_TYPE = 0xFF
UPLOAD_CHUNK_BYTES = 1024
"""Most bytes of a clip in one frame: 512 samples of audio."""
NO_CLIP = 0
"""Clip number that no upload may use."""


class MessageType(enum.IntEnum):
    """Requests; a reply carries the same number with REPLY_FLAG set."""

    INFO = 0x01
    LABELS = 0x02
    AUDIO = 0x03
    RESULT = 0x04
    FEATURES_GET = 0x05
    FEATURES_PUT = 0x06
    SELF_TEST = 0x07
    RESET = 0x08
    SETTINGS_GET = 0x09
    SETTINGS_SET = 0x0A
    LISTEN = 0x0B
    STATISTICS = 0x0C
    MICROPHONE = 0x10
    CAPTURE_BEGIN = 0x11
    CAPTURE_END = 0x12
    CAPTURE_HEARD = 0x13
    CAPTURE_SAMPLES = 0x14
    CAPTURE_FEED = 0x15
    HEALTH = 0x18
    TRACE_AUDIO = 0x19
    TRACE_WINDOW = 0x1A
    TRACE_STAGES = 0x1B
    TRACE_STEPS = 0x1C
    TRACE_GET = 0x1D


class ErrorCode(enum.IntEnum):
    """Why a board refused a request; `ErrorReply.detail` says more."""

    VERSION = 1
    UNKNOWN_TYPE = 2
    LENGTH = 3
    RANGE = 4
    SETTING = 5


class Setting(enum.IntEnum):
    """Numbers of the listening mode's settings; class c has the threshold THRESHOLD_Q15 + c."""

    STRIDE_FRAMES = 1
    SMOOTHING_STEPS = 2
    REFRACTORY_STEPS = 3
    HYSTERESIS_Q15 = 4
    GATE_MARGIN = 5
    GATE_HOLD_FRAMES = 6
    GATE_RISE_FRAMES = 7
    THRESHOLD_Q15 = 8


class ResultState(enum.IntEnum):
    """What the board knows about a clip."""

    READY = 0
    INCOMPLETE = 1
    UNKNOWN_CLIP = 2
    FAILED = 3


class SelfTestStage(enum.IntEnum):
    """The first stage whose bytes differ from the golden ones."""

    PASSED = 0
    FRONTEND = 1
    MODEL = 2
    STATUS = 3
    CONSTANT = 4
    NOT_RUN = 5
    KERNEL = 6


class MalformedReplyError(Exception):
    """A frame with a good check whose payload does not fit its type."""


@dataclass(frozen=True)
class ErrorReply:
    """The board refused a request of type `request_type`."""

    code: int
    request_type: int
    detail: int

    _LAYOUT = struct.Struct("<BBxxI")

    @classmethod
    def unpack(cls, payload: bytes) -> ErrorReply:
        """Read the payload of an ERROR reply."""
        return cls(*unpack_fields(cls._LAYOUT, payload))


@dataclass(frozen=True)
class BoardInfo:
    """Who answers. `model_hash` is 64 hexadecimal digits; counters run since the board's start."""

    abi: int
    classes: int
    frames: int
    bins: int
    window_samples: int
    hop_samples: int
    rx_window_bytes: int
    cpu_hz: int
    arena_bytes: int
    stack_peak_bytes: int
    """0 when the board does not measure it."""
    rx_overruns: int
    frames_received: int
    frames_corrupt: int
    clips_completed: int
    model_hash: str
    board: str
    backend: str
    tool_version: str
    model_name: str
    tick_unit: str
    """Unit of every `ticks_` field: "instructions", "cycles", "timer ticks", "microseconds" or
    "nanoseconds"."""

    _LAYOUT = struct.Struct("<6H8I32s")

    @property
    def clip_samples_min(self) -> int:
        """Fewest samples that give all frames of the model's input."""
        return self.window_samples + (self.frames - 1) * self.hop_samples

    @property
    def clip_samples_max(self) -> int:
        """Most samples that give no frame more than the model's input has."""
        return self.clip_samples_min + self.hop_samples - 1

    @classmethod
    def unpack(cls, payload: bytes) -> BoardInfo:
        """Read the payload of an INFO reply."""
        fields = unpack_fields(cls._LAYOUT, payload[: cls._LAYOUT.size])
        texts = unpack_texts(payload[cls._LAYOUT.size :])
        if len(texts) != 5:
            raise MalformedReplyError(f"INFO carries {len(texts)} texts, expected 5")
        *numbers, model_hash = fields
        return cls(*(*numbers, model_hash.hex(), *texts))


@dataclass(frozen=True)
class Upload:
    """Body of AUDIO and FEATURES_PUT. Positions count samples (AUDIO) or bytes (FEATURES_PUT)."""

    clip: int
    offset: int
    total: int
    data: bytes

    _LAYOUT = struct.Struct("<III")

    def pack(self) -> bytes:
        """Payload of the request."""
        return self._LAYOUT.pack(self.clip, self.offset, self.total) + self.data


@dataclass(frozen=True)
class UploadReply:
    """`next_offset` is what the board expects now: 0 when it does not know the clip."""

    clip: int
    next_offset: int

    _LAYOUT = struct.Struct("<II")

    @classmethod
    def unpack(cls, payload: bytes) -> UploadReply:
        """Read the payload of an AUDIO or FEATURES_PUT reply."""
        return cls(*unpack_fields(cls._LAYOUT, payload))


@dataclass(frozen=True)
class ClipResult:
    """What the board computed from one clip.

    `scores` are int8 logits in the order of the labels; `decision` is the index of the greatest,
    the lowest index on ties. `features_crc32` is the CRC-32 of the features int8[frames][bins] as
    bytes, oldest frame first. Ticks are in the board's `tick_unit`; after `Device.infer` the
    front-end's are 0 because it did not run.
    """

    features_crc32: int
    scores: tuple[int, ...]
    decision: int
    frames: int
    ticks_frontend_sum: int
    ticks_frontend_max: int
    ticks_inference: int


@dataclass(frozen=True)
class ResultReply:
    """Payload of RESULT; `result` is None unless the state is READY.

    `status` is the library's negative status when the state is FAILED, otherwise 0.
    """

    clip: int
    state: int
    status: int
    result: ClipResult | None

    _LAYOUT = struct.Struct("<IBbBBIHxxQII")

    @classmethod
    def unpack(cls, payload: bytes) -> ResultReply:
        """Read the payload of a RESULT reply."""
        size = cls._LAYOUT.size
        clip, state, status, decision, classes, crc, frames, ticks_sum, ticks_max, ticks = (
            unpack_fields(cls._LAYOUT, payload[:size])
        )
        if state != ResultState.READY:
            return cls(clip, state, status, None)
        if len(payload) != size + classes or decision >= classes:
            raise MalformedReplyError(
                f"RESULT of {len(payload)} bytes, decision {decision}, for {classes} classes"
            )
        scores = struct.unpack(f"<{classes}b", payload[size:])
        result = ClipResult(crc, scores, decision, frames, ticks_sum, ticks_max, ticks)
        return cls(clip, state, status, result)


@dataclass(frozen=True)
class FeaturesRequest:
    """Asks for up to REPLY_MAX_BYTES - 12 bytes of a clip's features from `offset_bytes` on."""

    clip: int
    offset_bytes: int

    _LAYOUT = struct.Struct("<II")

    def pack(self) -> bytes:
        """Payload of the request."""
        return self._LAYOUT.pack(self.clip, self.offset_bytes)


@dataclass(frozen=True)
class FeaturesReply:
    """Feature bytes from `offset_bytes` on; `total_bytes` is 0 when the clip is not known."""

    clip: int
    offset_bytes: int
    total_bytes: int
    data: bytes

    _LAYOUT = struct.Struct("<III")

    @classmethod
    def unpack(cls, payload: bytes) -> FeaturesReply:
        """Read the payload of a FEATURES_GET reply."""
        size = cls._LAYOUT.size
        clip, offset_bytes, total_bytes = unpack_fields(cls._LAYOUT, payload[:size])
        return cls(clip, offset_bytes, total_bytes, payload[size:])


@dataclass(frozen=True)
class LabelsReply:
    """Labels from number `first` on, of `total` labels."""

    first: int
    total: int
    labels: tuple[str, ...]

    _LAYOUT = struct.Struct("<HH")

    @classmethod
    def unpack(cls, payload: bytes) -> LabelsReply:
        """Read the payload of a LABELS reply."""
        size = cls._LAYOUT.size
        first, total = unpack_fields(cls._LAYOUT, payload[:size])
        return cls(first, total, tuple(unpack_texts(payload[size:])))


@dataclass(frozen=True)
class SelfTest:
    """The board's own check against the golden vectors in its flash.

    When `stage` is FRONTEND, `index` counts features (frame * bins + bin) of the golden clip; when
    it is MODEL, `index` counts the scores of golden case `case`; when it is STATUS, `actual` is the
    negative status that the library returned; when it is CONSTANT, `index` is the layer, and the
    values are CRC-32s of one of its arrays, of the reference kernels' where `case` is 1; when it is
    KERNEL, `index` counts bytes of `layer`, those of all steps in a row, and `expected` is what the
    reference kernel gives.
    """

    stage: SelfTestStage
    case: int
    layer: int
    index: int
    expected: int
    actual: int

    _LAYOUT = struct.Struct("<BBHIii")

    @property
    def passed(self) -> bool:
        """True when every byte was the golden one."""
        return self.stage is SelfTestStage.PASSED

    def describe(self) -> str:
        """One line for a user."""
        if self.passed:
            return "self-test passed: constants, features and scores are right"
        if self.stage is SelfTestStage.STATUS:
            return f"self-test could not run: the library returned status {self.actual}"
        if self.stage is SelfTestStage.NOT_RUN:
            return "self-test was not run: the start before ended in a fault or by the watchdog"
        if self.stage is SelfTestStage.CONSTANT:
            whose = " for the reference kernels" if self.case else ""
            return (
                f"self-test failed: constants{whose} of layer {self.index} are not those generated"
            )
        if self.stage is SelfTestStage.KERNEL:
            return (
                f"self-test failed: layer {self.layer} of golden case {self.case} gives "
                f"{self.actual} as byte {self.index}, the reference kernel gives {self.expected}"
            )
        where = (
            f"feature {self.index} of the golden clip"
            if self.stage is SelfTestStage.FRONTEND
            else f"score {self.index} of golden case {self.case}"
        )
        return f"self-test failed: {where} is {self.actual}, expected {self.expected}"

    @classmethod
    def unpack(cls, payload: bytes) -> SelfTest:
        """Read the payload of a SELF_TEST reply."""
        stage, *rest = unpack_fields(cls._LAYOUT, payload)
        if stage not in set(SelfTestStage):
            raise MalformedReplyError(f"self-test stage {stage} is unknown")
        return cls(SelfTestStage(stage), *rest)


def unpack_texts(packed: bytes) -> list[str]:
    """Read texts that stand as length u8 and UTF-8."""
    texts = []
    at = 0
    while at < len(packed):
        text = packed[at + 1 : at + 1 + packed[at]]
        if len(text) != packed[at]:
            raise MalformedReplyError("a text is longer than its message")
        texts.append(text.decode("utf-8", errors="replace"))
        at += 1 + len(text)
    return texts


def unpack_fields(layout: struct.Struct, payload: bytes) -> tuple:
    """Read a payload of exactly that layout."""
    if len(payload) != layout.size:
        raise MalformedReplyError(f"{len(payload)} bytes where {layout.size} were expected")
    return layout.unpack(payload)
