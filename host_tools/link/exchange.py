"""Requests and replies over a transport: numbering, waiting, asking again, and clear errors."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass

from host_tools.errors import SottoError
from host_tools.link.codec import PROTOCOL_VERSION, Decoder, Frame, encode
from host_tools.link.messages import (
    ERROR_TYPE,
    REPLY_FLAG,
    ErrorCode,
    ErrorReply,
    MalformedReplyError,
    MessageType,
)
from host_tools.link.transport import LinkLostError, Transport

_REQUEST_NUMBERS = 1 << 16
_REFUSALS = {
    ErrorCode.VERSION: "it speaks another protocol version",
    ErrorCode.UNKNOWN_TYPE: "it does not know this request",
    ErrorCode.LENGTH: "the request has a wrong length, it expects {detail} bytes",
    ErrorCode.RANGE: "a value is out of range, it expects {detail}",
    ErrorCode.SETTING: "setting number {detail} is out of its range",
}


DEFAULT_ATTEMPTS = 4


@dataclass(frozen=True)
class LinkTiming:
    """How patient the host is: a request is sent `attempts` times, `answer_timeout_s` apart.

    The timeout must be longer than the board's longest computation, one inference.
    """

    answer_timeout_s: float = 2.0
    attempts: int = DEFAULT_ATTEMPTS

    def __post_init__(self) -> None:
        if not self.answer_timeout_s > 0:
            raise SottoError(
                f"answer timeout of {self.answer_timeout_s} s", "Give a time above 0 s."
            )
        if self.attempts < 1:
            raise SottoError(f"{self.attempts} attempts", "Give at least 1.")


class RefusedError(SottoError):
    """The board answered with ERROR; `reply` is what it said, None where that makes no sense."""

    def __init__(self, message: str, remedy: str, reply: ErrorReply | None) -> None:
        super().__init__(message, remedy)
        self.reply = reply


class Exchange:
    """One side of a conversation. `name` and `where` only serve the error texts."""

    def __init__(self, transport: Transport, timing: LinkTiming, name: str) -> None:
        self.timing = timing
        self.name = name
        self.where = ""
        self._transport = transport
        self._decoder = Decoder()
        self._ready: deque[Frame] = deque()
        self.frames_corrupt = 0
        """Damaged frames that came, and were passed over."""
        self._answered = False
        # A random start keeps late replies to an earlier host program from fitting ours.
        self._request = secrets.randbelow(_REQUEST_NUMBERS)

    def number(self) -> int:
        """Next request number, 0 to 65,535 and around."""
        self._request = (self._request + 1) % _REQUEST_NUMBERS
        return self._request

    def now_s(self) -> float:
        """The line's clock."""
        return self._transport.now_s()

    def send(self, kind: MessageType, request: int, payload: bytes) -> int:
        """Write one frame; returns its length on the wire in bytes."""
        wire = encode(Frame(kind, request, payload))
        try:
            self._transport.write(wire)
        except LinkLostError as error:
            raise self.lost(error) from error
        return len(wire)

    def receive(self, deadline_s: float) -> Frame | None:
        """Next reply, or None when `now_s()` passes `deadline_s`.

        Corrupt frames, and frames that are no replies (an echo), are passed over.

        Raises:
            SottoError: the stream ended, or the board speaks another protocol version.
        """
        while True:
            while self._ready:
                frame = self._ready.popleft()
                if frame.type & REPLY_FLAG:
                    self._check_version(frame)
                    self._answered = True
                    return frame
            left_s = deadline_s - self.now_s()
            if left_s <= 0:
                return None
            try:
                data = self._transport.read(left_s)
            except LinkLostError as error:
                raise self.lost(error) from error
            for received in self._decoder.feed(data):
                if received.frame is None:
                    self.frames_corrupt += 1
                else:
                    self._ready.append(received.frame)

    def ask(
        self,
        kind: MessageType,
        payload: bytes = b"",
        timing: LinkTiming | None = None,
    ) -> bytes:
        """Send one request until it is answered; returns the payload of its reply.

        A request that is sent again keeps its number, so a late reply counts too.

        Raises:
            SottoError: no answer after all attempts, or the board refused the request.
        """
        timing = timing or self.timing
        request = self.number()
        for _ in range(timing.attempts):
            self.send(kind, request, payload)
            deadline_s = self.now_s() + timing.answer_timeout_s
            while frame := self.receive(deadline_s):
                if self.answers(frame, kind, request):
                    return frame.payload
        raise self.silent(timing)

    def answers(self, frame: Frame, kind: MessageType, request: int) -> bool:
        """Whether `frame` is the reply to that request; a refusal raises SottoError."""
        if frame.request != request:
            return False
        if frame.type == ERROR_TYPE:
            raise self.refused(frame, kind)
        return frame.type == kind | REPLY_FLAG

    def refused(self, frame: Frame, kind: MessageType) -> RefusedError:
        """The error for an ERROR reply."""
        reply = None
        try:
            reply = ErrorReply.unpack(frame.payload)
            reason = _REFUSALS[ErrorCode(reply.code)].format(detail=reply.detail)
        except (MalformedReplyError, ValueError):
            reason = f"with an error of {frame.payload.hex()} that this sotto does not know"
        return RefusedError(
            f"{self.name} refused {kind.name}{self._place()}: {reason}",
            "Flash the firmware of this sotto version with `sotto flash`.",
            reply,
        )

    def malformed(self, kind: MessageType, error: MalformedReplyError) -> SottoError:
        """The error for a reply with a good check and a payload that makes no sense."""
        return SottoError(
            f"{self.name} answered {kind.name}{self._place()} with a malformed reply: {error}",
            "Flash the firmware of this sotto version with `sotto flash`.",
        )

    def silent(self, timing: LinkTiming | None = None) -> SottoError:
        """The error for a board that does not answer (any more)."""
        timing = timing or self.timing
        tries = f"{timing.attempts} tries of {timing.answer_timeout_s:g} s"
        if self._answered:
            return SottoError(
                f"{self.name} stopped answering{self._place()} ({tries})",
                "Check cable and power, press the board's reset button, and run again.",
            )
        if self.frames_corrupt:
            return SottoError(
                f"no answer from {self.name} ({tries}), "
                f"but {self.frames_corrupt} pieces of other data came",
                "Another firmware seems to run, or at another baud rate: flash the board with "
                "`sotto flash`.",
            )
        return SottoError(
            f"no answer from {self.name} ({tries})",
            "Check that it is the right port, that no other program uses it, that the board has "
            "power, and that sotto's firmware is on it (`sotto flash`).",
        )

    def stuck(self) -> SottoError:
        """The error for a board that answers but never gets further."""
        return SottoError(
            f"{self.name} gets no further{self._place()} ({self.timing.attempts} tries): "
            "the line loses data or the board restarts",
            "Use a shorter cable or another port, check the power supply, and run again.",
        )

    def lost(self, error: LinkLostError) -> SottoError:
        """The error for a stream that ended."""
        return SottoError(
            f"lost {self.name}{self._place()}: {error}",
            "Check cable and power (an emulated board may have ended), and run again.",
        )

    def close(self) -> None:
        """Give the transport back."""
        self._transport.close()

    def _place(self) -> str:
        return f" at {self.where}" if self.where else ""

    def _check_version(self, frame: Frame) -> None:
        if frame.version != PROTOCOL_VERSION:
            raise SottoError(
                f"{self.name} speaks protocol version {frame.version}, "
                f"this sotto speaks {PROTOCOL_VERSION}",
                "Flash the firmware of this sotto version with `sotto flash`.",
            )
