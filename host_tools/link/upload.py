"""Sends a clip or a stream in pieces, several in flight, within the board's window.

Go-back-n: every reply says which position the board expects next. Another position than the one
that was sent means a loss, and sending goes back there; the board's start of a new life shows as
position 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from host_tools.errors import SottoError
from host_tools.link.codec import Frame, wire_max_bytes
from host_tools.link.exchange import Exchange
from host_tools.link.messages import (
    ERROR_TYPE,
    REPLY_FLAG,
    UPLOAD_CHUNK_BYTES,
    MalformedReplyError,
    MessageType,
    Upload,
    UploadReply,
)

_FRAMES_IN_FLIGHT_MIN = 2
"""Pieces are cut so small that the window holds this many: one travels while one is computed."""

Progress = Callable[[int, int], None]


class Source(Protocol):
    """What to send, and how its replies are read."""

    @property
    def kind(self) -> MessageType:
        """Type of the requests."""

    @property
    def unit_bytes(self) -> int:
        """Size of one position: 2 for samples, 1 for features."""

    @property
    def total(self) -> int:
        """Length in positions."""

    @property
    def title(self) -> str:
        """Name of the whole in error texts."""

    @property
    def unit(self) -> str:
        """Name of one position in error texts."""

    def piece(self, offset: int, units: int) -> bytes:
        """Payload of a request with up to `units` positions from `offset` on."""

    def read(self, payload: bytes) -> int:
        """Take a reply; returns the position that the board expects.

        Raises:
            MalformedReplyError: it is no reply to one of these requests.
        """


@dataclass(frozen=True)
class ClipSource:
    """A clip, or its features."""

    kind: MessageType
    clip: int
    data: bytes
    unit_bytes: int
    title: str
    unit: str

    @property
    def total(self) -> int:
        """See Source."""
        return len(self.data) // self.unit_bytes

    def piece(self, offset: int, units: int) -> bytes:
        """See Source."""
        start, end = offset * self.unit_bytes, (offset + units) * self.unit_bytes
        return Upload(self.clip, offset, self.total, self.data[start:end]).pack()

    def read(self, payload: bytes) -> int:
        """See Source."""
        reply = UploadReply.unpack(payload)
        if reply.clip != self.clip or reply.next_offset > self.total:
            raise MalformedReplyError(f"{reply} for clip {self.clip} of {self.total}")
        return reply.next_offset


@dataclass(frozen=True)
class _Sent:
    request: int
    end: int
    wire_bytes: int
    round: int


@dataclass
class _Flight:
    """Where an upload stands. A new round begins whenever sending goes back.

    Attributes:
        given_up: requests whose reply did not come in time. Some may still lie in the board's ring
            and be answered: a board that is slow is alive, and gets one piece at a time.
    """

    expected: int = 0
    furthest: int = 0
    next: int = 0
    round: int = 0
    fruitless: int = 0
    sent: deque[_Sent] = field(default_factory=deque)
    given_up: deque[_Sent] = field(default_factory=deque)

    @property
    def wire_bytes(self) -> int:
        return sum(sent.wire_bytes for sent in self.sent)

    def give_up(self) -> None:
        """Begin again after the last piece that the board is known to have."""
        self.given_up += self.sent
        self.sent.clear()
        self.next = self.expected
        self.round += 1

    def take(self, request: int) -> _Sent | None:
        """Remove the answered request and those before it: the board answers in order."""
        if any(sent.request == request for sent in self.sent):
            self.given_up.clear()
            return _pop(self.sent, request)
        if any(sent.request == request for sent in self.given_up):
            return _pop(self.given_up, request)
        return None


def _pop(queue: deque[_Sent], request: int) -> _Sent:
    while (sent := queue.popleft()).request != request:
        pass
    return sent


class Uploader:
    """Sends sources over an exchange to a board with a receive ring of `window_bytes`."""

    def __init__(self, exchange: Exchange, window_bytes: int) -> None:
        self._exchange = exchange
        self._window_bytes = window_bytes

    def run(self, source: Source, progress: Progress | None = None, start: int = 0) -> None:
        """Send until the board has all of `source`.

        Args:
            progress: called with (positions that the board has, all positions).
            start: position that the board expects first.

        Raises:
            SottoError: the board stopped answering, restarts again and again, or refused.
        """
        units = self._piece_units(source)
        flight = _Flight(start, start, start)
        while flight.expected < source.total:
            self._exchange.where = f"{source.title}, {source.unit} {flight.expected}"
            self._fill(flight, source, units)
            deadline_s = self._exchange.now_s() + self._exchange.timing.answer_timeout_s
            answer = self._next_reply(flight, source, deadline_s)
            if answer is None:
                # The board is busy or bytes were lost: one piece at a time until it answers.
                flight.give_up()
                self._count_fruitless(flight, self._exchange.silent)
                continue
            self._follow(flight, *answer)
            if progress:
                progress(flight.expected, source.total)
        self._exchange.where = source.title

    def _piece_units(self, source: Source) -> int:
        overhead = wire_max_bytes(len(source.piece(0, 0)) + UPLOAD_CHUNK_BYTES)
        overhead -= UPLOAD_CHUNK_BYTES
        room = self._window_bytes // _FRAMES_IN_FLIGHT_MIN - overhead
        units = min(room, UPLOAD_CHUNK_BYTES) // source.unit_bytes
        if units < 1:
            raise SottoError(
                f"{self._exchange.name} states a window of {self._window_bytes} bytes, "
                f"too small for a frame",
                "Flash the firmware of this sotto version with `sotto flash`.",
            )
        return units

    def _fill(self, flight: _Flight, source: Source, units: int) -> None:
        """Send as many pieces as the window holds; one when the board was just silent."""
        while flight.next < source.total:
            payload = source.piece(flight.next, units)
            full = flight.wire_bytes + wire_max_bytes(len(payload)) > self._window_bytes
            if flight.sent and (full or flight.given_up):
                return
            request = self._exchange.number()
            wire_bytes = self._exchange.send(source.kind, request, payload)
            flight.next = min(flight.next + units, source.total)
            flight.sent.append(_Sent(request, flight.next, wire_bytes, flight.round))

    def _next_reply(
        self, flight: _Flight, source: Source, deadline_s: float
    ) -> tuple[_Sent, int] | None:
        """Wait for the reply to a request, in flight or given up: which, and what it names."""
        while frame := self._exchange.receive(deadline_s):
            if frame.type not in (source.kind | REPLY_FLAG, ERROR_TYPE):
                continue
            sent = flight.take(frame.request)
            if sent is not None:
                return sent, self._read(frame, source)
        return None

    def _read(self, frame: Frame, source: Source) -> int:
        if frame.type == ERROR_TYPE:
            raise self._exchange.refused(frame, source.kind)
        try:
            return source.read(frame.payload)
        except MalformedReplyError as error:
            raise self._exchange.malformed(source.kind, error) from error

    def _follow(self, flight: _Flight, sent: _Sent, expected: int) -> None:
        # Pieces of an earlier round were on their way when sending went back: no new loss. Of a
        # piece that was sent twice the board already has what the second reply names.
        lost = expected < sent.end and sent.round == flight.round
        if expected > flight.furthest:
            flight.furthest = expected
            flight.fruitless = 0
        elif lost and expected <= flight.expected:
            self._count_fruitless(flight, self._exchange.stuck)
        flight.expected = expected
        if lost:
            flight.next = expected
            flight.round += 1
        flight.next = max(flight.next, expected)

    def _count_fruitless(self, flight: _Flight, error: Callable[[], SottoError]) -> None:
        flight.fruitless += 1
        if flight.fruitless >= self._exchange.timing.attempts:
            raise error()
