"""A stream of audio for a board in its listening mode, and the words that come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.link.listen_messages import HeardWord, ListenPiece, ListenReply, ListenStatistics
from host_tools.link.messages import MalformedReplyError, MessageType

OnWord = Callable[[HeardWord], None]


@dataclass(frozen=True)
class Heard:
    """What a board heard in a stream."""

    words: tuple[HeardWord, ...]
    statistics: ListenStatistics


@dataclass
class ListenSource:
    """Samples of one stream as an upload's source (host_tools.link.upload).

    Each piece says how many words have come, and the board keeps the others: so a lost reply loses
    no word and a repeated one doubles none. A board that restarts has lost its settings, too, so
    nothing that it hears then belongs to this stream.
    """

    stream: int
    pcm: np.ndarray
    """int16[n], from position `start` on"""
    board: str
    on_word: OnWord | None = None
    start: int = 0
    words: list[HeardWord] = field(default_factory=list)
    kind: MessageType = MessageType.LISTEN
    unit_bytes: int = 2
    title: str = "the stream"
    unit: str = "sample"
    furthest: int = 0
    """Samples that the board has said it has."""

    @property
    def total(self) -> int:
        """See Source."""
        return self.start + len(self.pcm)

    def follow(self, pcm: np.ndarray) -> None:
        """Go on with the samples that come after those that the board has, all of them."""
        self.start, self.pcm = self.total, pcm

    def piece(self, offset: int, units: int) -> bytes:
        """See Source."""
        first = offset - self.start
        data = self.pcm[first : first + units].astype("<i2").tobytes()
        return ListenPiece(self.stream, offset, len(self.words), data).pack()

    def read(self, payload: bytes) -> int:
        """See Source.

        Raises:
            MalformedReplyError: it is no reply for this stream, or words are missing.
            SottoError: the library on the board has failed, or the board has restarted.
        """
        reply = ListenReply.unpack(payload)
        if reply.stream != self.stream or reply.next_samples > self.total:
            raise MalformedReplyError(f"{reply} for stream {self.stream} of {self.total}")
        if reply.status < 0:
            raise SottoError(
                f"{self.board} could not compute {self.title}: status {reply.status}",
                "Run `sotto info --self-test`, then flash the board again.",
                EXIT_CHECK_FAILED,
            )
        if reply.next_samples < self.furthest:
            raise self.restarted()
        if reply.first_word > len(self.words):
            raise MalformedReplyError(
                f"word {reply.first_word} came where {len(self.words)} was expected"
            )
        self.furthest = reply.next_samples
        for word in reply.words[len(self.words) - reply.first_word :]:
            self.words.append(word)
            if self.on_word:
                self.on_word(word)
        return reply.next_samples

    def restarted(self) -> SottoError:
        """The error for a board that has forgotten the stream."""
        return SottoError(
            f"{self.board} restarted at sample {self.furthest} of {self.title}; "
            "it has forgotten its settings and what it heard",
            "Check its power supply, and run again.",
        )
