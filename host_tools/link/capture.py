"""A stream from a board's own microphone: the words heard in it, and its samples.

The board captures whether the host asks or not. It keeps the last half second of samples and the
last words; a host that asks too late is told what is gone, and counts it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.link.exchange import Exchange, RefusedError
from host_tools.link.listen_messages import HeardWord
from host_tools.link.messages import (
    ErrorCode,
    MalformedReplyError,
    MessageType,
    UploadReply,
)
from host_tools.link.microphone_messages import (
    SAMPLES_PER_REPLY,
    CaptureChoice,
    CaptureState,
    HeardReply,
    SamplesReply,
    pack_begin,
    unpack_state,
)
from host_tools.link.upload import Uploader

Reply = TypeVar("Reply")

_POSITIONS = 1 << 32
_REQUESTS_AT_A_TIME = 12
"""Requests for samples in flight: their replies take 35 ms of a line at 921,600 baud."""

_PATIENCE_S = 0.2
"""How long a burst waits for its next reply: the board keeps samples for half a second."""

_REFUSALS = {
    CaptureState.NO_MICROPHONE: (
        "has no microphone",
        "Choose a board with one (docs/boards.md), or play recordings to it: `sotto listen FILE`.",
    ),
    CaptureState.OTHER_RATE: (
        "has a microphone of another rate than its model's front-end",
        "Build the port for the front-end's rate, or train with the microphone's.",
    ),
    CaptureState.DID_NOT_START: (
        "could not start its microphone",
        "Check its wiring (docs/microphone.md), and restart the board.",
    ),
}


@dataclass(frozen=True)
class Word:
    """A word that came just now.

    Attributes:
        late_samples: captured since the frame that decided, when the board answered.
    """

    heard: HeardWord
    late_samples: int


@dataclass
class Counters:
    """What was lost on the way of a capture, in samples and words.

    Attributes:
        captured: by the board.
        lost_on_board: that came while the board computed for too long.
        lost_on_link: that the board no longer kept when the host asked.
        words_lost: that the board no longer kept.
        at_limit: of `captured`, those at a limit of int16.
        offset: mean of the microphone's samples, which the board takes away.
    """

    captured: int = 0
    lost_on_board: int = 0
    lost_on_link: int = 0
    words_lost: int = 0
    at_limit: int = 0
    offset: int = 0
    gain_q8: int = 0


class Capture:
    """One stream from a microphone, from its begin to its end; a context manager.

    Not resumed after a restart of the board: it has lost its settings, and the stream.
    """

    def __init__(self, exchange: Exchange, stream: int, window_bytes: int) -> None:
        self.counters = Counters()
        self._exchange = exchange
        self._stream = stream
        self._window_bytes = window_bytes
        self._words = 0
        self._next_sample = 0
        self._known_end = 0
        self._asked: dict[int, int] = {}
        self._fed = 0
        self._listens = False

    def begin(self, *, gain_q8: int = 0, choices: CaptureChoice = CaptureChoice.LISTENS) -> Capture:
        """Let the board begin.

        Args:
            gain_q8: what it multiplies by, in 1/256; 0: what its port says.

        Raises:
            SottoError: it has no microphone, one of another rate, or one that does not start.
        """
        self._listens = bool(choices & CaptureChoice.LISTENS)
        payload = pack_begin(self._stream, gain_q8, choices)
        try:
            state = self._ask(MessageType.CAPTURE_BEGIN, payload, unpack_state)
        except RefusedError as error:
            if error.reply is None or error.reply.code != ErrorCode.UNKNOWN_TYPE:
                raise
            state = CaptureState.NO_MICROPHONE  # nor anything in its firmware that serves one
        if state is not CaptureState.RUNS:
            what, remedy = _REFUSALS.get(state, (f"answered with state {state.name}", "Run again."))
            raise SottoError(f"{self._exchange.name} {what}", remedy)
        return self

    def end(self) -> None:
        """Let the board stop; what it has kept can still be asked for."""
        payload = struct.pack("<I", self._stream)
        self._ask(MessageType.CAPTURE_END, payload, unpack_state)

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A board that is gone cannot be ended either: the first error is the one to report.
        with suppress(SottoError) if kind else nullcontext():
            self.end()

    def words(self) -> list[Word]:
        """Words that have not come before; brings the counters up to date.

        Raises:
            SottoError: the board restarted, or can hear no more.
        """
        payload = struct.pack("<II", self._stream, self._words % _POSITIONS)
        reply = self._ask(MessageType.CAPTURE_HEARD, payload, HeardReply.unpack)
        self._check(reply)
        counters = self.counters
        counters.captured += (reply.captured - counters.captured) % _POSITIONS
        counters.lost_on_board, counters.at_limit = reply.lost, reply.at_limit
        counters.offset, counters.gain_q8 = reply.offset, reply.gain_q8
        gone = max(0, reply.first_word - self._words)
        counters.words_lost += gone
        fresh = reply.words[max(0, self._words - reply.first_word) :]
        self._words += gone + len(fresh)
        return [Word(one, (reply.captured - one.sample) % _POSITIONS) for one in fresh]

    def samples(self) -> np.ndarray:
        """int16[n]: samples that have been captured since the last call, n = 0 when there are none.

        Samples that the board no longer kept are left out, and counted.
        """
        found = [np.empty(0, np.int16)]
        while stretch := self._stretch():
            found += stretch
            if (self._known_end - self._next_sample) % _POSITIONS < SAMPLES_PER_REPLY:
                break
        return np.concatenate(found)

    def feed(self, pcm: np.ndarray) -> None:
        """Give the board samples as if its microphone had: of a capture with CaptureChoice.FED."""
        source = _FeedSource(self._stream, pcm, self._fed)
        Uploader(self._exchange, self._window_bytes).run(source, start=self._fed)
        self._fed = source.total

    def _stretch(self) -> list[np.ndarray]:
        """Samples from the next one on, as many as one burst of requests brings in a row."""
        found: list[np.ndarray] = []
        replies = self._burst()
        while (reply := replies.get(self._next_sample)) and reply.samples.size:
            self.counters.lost_on_link += (reply.first - self._next_sample) % _POSITIONS
            self._next_sample = (reply.first + reply.samples.size) % _POSITIONS
            self._known_end = reply.captured
            found.append(reply.samples)
        return found

    def _burst(self) -> dict[int, SamplesReply]:
        """Ask for samples with several requests in flight; replies by the position asked for.

        A lost request or reply leaves a gap, and the next burst asks again. A late reply to an
        earlier burst is as good as any.
        """
        kind = MessageType.CAPTURE_SAMPLES
        request = 0
        # Where answers are owed, the line is slow or loses bytes: one at a time until it answers.
        for index in range(1 if self._asked else _REQUESTS_AT_A_TIME):
            position = (self._next_sample + index * SAMPLES_PER_REPLY) % _POSITIONS
            request = self._exchange.number()
            self._asked[request] = position
            self._exchange.send(kind, request, struct.pack("<II", self._stream, position))
        replies = {}
        patience_s = min(_PATIENCE_S, self._exchange.timing.answer_timeout_s)
        while frame := self._exchange.receive(self._exchange.now_s() + patience_s):
            if frame.request in self._asked and self._exchange.answers(frame, kind, frame.request):
                position = self._asked.pop(frame.request)
                replies[position] = self._unpacked(kind, SamplesReply.unpack, frame.payload)
                if frame.request == request:
                    self._asked.clear()
                    break  # the last one: a board answers in order
        return replies

    def _check(self, reply: HeardReply) -> None:
        name = self._exchange.name
        if reply.state is CaptureState.UNKNOWN:
            raise SottoError(
                f"{name} restarted after {self.counters.captured} samples of its microphone",
                "Check its power supply, and run again.",
                EXIT_CHECK_FAILED,
            )
        if reply.status < 0:
            raise SottoError(
                f"{name} can hear no more: status {reply.status}",
                "Run `sotto info --self-test`, then flash the board again.",
                EXIT_CHECK_FAILED,
            )
        if self._listens and not reply.listens:
            raise SottoError(
                f"another program has given {name} a clip or a stream; it listens no more",
                "Let one program at a time talk to the board, and run again.",
            )

    def _ask(self, kind: MessageType, payload: bytes, unpack: Callable[[bytes], Reply]) -> Reply:
        return self._unpacked(kind, unpack, self._exchange.ask(kind, payload))

    def _unpacked(
        self, kind: MessageType, unpack: Callable[[bytes], Reply], payload: bytes
    ) -> Reply:
        try:
            return unpack(payload)
        except MalformedReplyError as error:
            raise self._exchange.malformed(kind, error) from error


@dataclass(frozen=True)
class _FeedSource:
    """Samples from position `start` on, as an upload's source (host_tools.link.upload)."""

    stream: int
    pcm: np.ndarray
    start: int
    kind: MessageType = MessageType.CAPTURE_FEED
    unit_bytes: int = 2
    title: str = "the fed microphone"
    unit: str = "sample"

    @property
    def total(self) -> int:
        """See Source."""
        return self.start + len(self.pcm)

    def piece(self, offset: int, units: int) -> bytes:
        """See Source."""
        first = offset - self.start
        data = self.pcm[first : first + units].astype("<i2").tobytes()
        return struct.pack("<II", self.stream, offset) + data

    def read(self, payload: bytes) -> int:
        """See Source."""
        reply = UploadReply.unpack(payload)
        if reply.clip != self.stream or not self.start <= reply.next_offset <= self.total:
            raise MalformedReplyError(f"{reply} for stream {self.stream}, {self.start} samples in")
        return reply.next_offset
