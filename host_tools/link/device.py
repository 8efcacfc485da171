"""One board on the link: ask it who it is, give it clips, take its results.

Requests are numbered and idempotent, so a lost or doubled frame costs time and nothing else. Every
wait is bounded: a board that stops answering ends in a SottoError that says how far it got.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.link.capture import Capture
from host_tools.link.exchange import DEFAULT_ATTEMPTS, Exchange, LinkTiming, RefusedError
from host_tools.link.listen import Heard, ListenSource, OnWord
from host_tools.link.listen_messages import ListenStatistics, SettingsReply, pack_changes
from host_tools.link.messages import (
    NO_CLIP,
    BoardInfo,
    ClipResult,
    ErrorCode,
    FeaturesReply,
    FeaturesRequest,
    LabelsReply,
    MalformedReplyError,
    MessageType,
    ResultReply,
    ResultState,
    SelfTest,
)
from host_tools.link.microphone_messages import MicrophoneFacts
from host_tools.link.transport import Transport, open_transport
from host_tools.link.twin_messages import (
    FrontendStage,
    GetReply,
    Hashes,
    Health,
    Note,
    StagesReply,
    StepsReply,
    TracedSource,
    WindowReply,
)
from host_tools.link.upload import ClipSource, Progress, Uploader

Reply = TypeVar("Reply")

_CLIP_NUMBERS = 1 << 32
_ASK_AGAIN_S = 0.25
_SAMPLE_BYTES = 2
HASH_DIGITS_SHOWN = 12


class SettingRefusedError(SottoError):
    """A board refused the value of setting `number`; nothing was changed."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"the board refused the value of setting number {number}",
            "docs/detect.md gives the range of each setting.",
        )
        self.number = number


class Device:
    """A board. `Device.open(url)` is the usual way in; the constructor sends nothing.

    Not safe to share between threads; two devices in two threads are fine.
    """

    def __init__(
        self, transport: Transport, timing: LinkTiming | None = None, name: str = "the board"
    ) -> None:
        self._timing = timing or LinkTiming()
        self._exchange = Exchange(transport, self._timing, name)
        self._info: BoardInfo | None = None
        # A random start: the board may still hold the result of another program's clip.
        self._clip = secrets.randbelow(_CLIP_NUMBERS)
        self._stream = secrets.randbelow(_CLIP_NUMBERS)
        self._clips_sent = 0

    @classmethod
    def open(cls, url: str, timeout_s: float = 2.0, attempts: int = DEFAULT_ATTEMPTS) -> Device:
        """Open a port and wait until a board answers.

        Args:
            url: `socket://HOST:PORT`, a serial port (`/dev/ttyACM0`, `COM3`) or a pyserial URL.
            timeout_s: wait for one answer; longer than one inference of the board.
            attempts: how often a request is sent before the board counts as silent.

        Raises:
            SottoError: no such port, busy, not allowed, no answer in `timeout_s * attempts`,
                another protocol version.
        """
        timing = LinkTiming(timeout_s, attempts)
        device = cls(open_transport(url), timing, name=f"the board at {url}")
        try:
            device.wait_until_up()
        except BaseException:
            device.close()
            raise
        return device

    @property
    def frames_corrupt(self) -> int:
        """Damaged frames that came from the board; those that it saw stand in its info."""
        return self._exchange.frames_corrupt

    def wait_until_up(self) -> BoardInfo:
        """Ask in short intervals until the board, which may be starting, answers.

        Garbage on the line before the first answer is passed over.
        """
        patience_s = self._timing.answer_timeout_s * self._timing.attempts
        interval_s = min(_ASK_AGAIN_S, self._timing.answer_timeout_s)
        return self._ask_info(LinkTiming(interval_s, max(1, round(patience_s / interval_s))))

    def info(self) -> BoardInfo:
        """Ask who the board is; counters are those of this moment."""
        return self._ask_info(self._timing)

    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of the scores."""
        labels: list[str] = []
        while True:
            reply = self._ask(
                MessageType.LABELS, struct.pack("<H", len(labels)), LabelsReply.unpack
            )
            labels += reply.labels
            if len(labels) >= reply.total or not reply.labels:
                return tuple(labels)

    def run_clip(self, pcm: np.ndarray, progress: Progress | None = None) -> ClipResult:
        """Send audio and wait for what the board hears.

        Args:
            pcm: int16[n] at the front-end's sample rate; n gives exactly the model's frames,
                `BoardInfo.clip_samples_min` to `clip_samples_max`.
            progress: called with (samples the board has, all samples).

        Raises:
            SottoError: wrong length, or the board stopped answering (at which clip and sample).
            TypeError: `pcm` is not a one-dimensional int16 array.
        """
        return self._upload(ClipSource(MessageType.AUDIO, *self._audio(pcm)), progress)

    def trace_clip(self, pcm: np.ndarray) -> tuple[ClipResult, dict[int, Hashes]]:
        """As `run_clip`, and the hashes of the front-end's stages over the first frames, by their
        number; the last ones are over all frames. The front-end's ticks count the hashing, too.
        """
        source = TracedSource(MessageType.TRACE_AUDIO, *self._audio(pcm))
        return self._upload(source), source.hashes

    def trace_window(
        self, pcm: np.ndarray, stage: FrontendStage = FrontendStage.FEATURES
    ) -> tuple[WindowReply, bytes]:
        """Let the front-end compute one window of samples, int16[window_samples].

        Returns:
            A reply with the notes of all stages, and all bytes of one stage.
        """
        data = b""
        while True:
            request = struct.pack("<BxH", stage, len(data)) + pcm.astype("<i2").tobytes()
            reply = self._ask(MessageType.TRACE_WINDOW, request, WindowReply.unpack)
            data += reply.data
            if reply.status != 0:
                raise self._failed("a window", reply.status)
            if len(data) >= reply.total_bytes or not reply.data:
                return reply, data

    def trace_stages(self, steps: int) -> list[Note]:
        """Hash each stage of the first `steps` steps of the last clip, layers first."""
        notes: list[Note] = []
        while True:
            request = struct.pack("<IHH", self._clip, len(notes), steps)
            reply = self._ask(MessageType.TRACE_STAGES, request, StagesReply.unpack)
            notes += reply.notes
            if reply.total == 0:
                raise self._forgotten("stages")
            if len(notes) >= reply.total or not reply.notes:
                return notes

    def trace_steps(self, stage: int) -> list[Note]:
        """Hash one stage of the last clip at each of its steps."""
        notes: list[Note] = []
        while True:
            request = struct.pack("<IHH", self._clip, stage, len(notes))
            reply = self._ask(MessageType.TRACE_STEPS, request, StepsReply.unpack)
            notes += reply.notes
            if reply.total == 0:
                raise self._forgotten("steps")
            if len(notes) >= reply.total or not reply.notes:
                return notes

    def trace_stage(self, stage: int, step: int) -> bytes:
        """What a stage of the last clip wrote at one step."""
        data = b""
        while True:
            request = struct.pack("<IHHI", self._clip, stage, step, len(data))
            reply = self._ask(MessageType.TRACE_GET, request, GetReply.unpack)
            data += reply.data
            if reply.total_bytes == 0:
                raise self._forgotten("stages")
            if len(data) >= reply.total_bytes or not reply.data:
                return data

    def infer(self, features: np.ndarray) -> ClipResult:
        """Run the model on features, without the front-end.

        Args:
            features: int8[frames, bins] of the board's model.

        Raises:
            SottoError: wrong shape, or the board stopped answering.
            TypeError: `features` is not int8.
        """
        if features.dtype != np.int8:
            raise TypeError(f"features are {features.dtype}, expected int8")
        info = self._known_info()
        if features.shape != (info.frames, info.bins):
            raise SottoError(
                f"the features have the shape {features.shape}, the board's model takes "
                f"{(info.frames, info.bins)}",
                "Compute them with the front-end of the model on the board.",
            )
        clip, title = self._next_clip()
        kind = MessageType.FEATURES_PUT
        return self._upload(ClipSource(kind, clip, features.tobytes(), 1, title, "byte"))

    def features(self) -> np.ndarray:
        """Features of the last clip, int8[frames, bins], oldest frame first.

        Raises:
            SottoError: no clip was run, or the board has restarted since.
        """
        info = self._known_info()
        data = b""
        while len(data) < info.frames * info.bins:
            request = FeaturesRequest(self._clip, len(data))
            reply = self._ask(MessageType.FEATURES_GET, request.pack(), FeaturesReply.unpack)
            if not reply.data:
                raise self._forgotten("features")
            data += reply.data
        return np.frombuffer(data, np.int8).reshape(info.frames, info.bins)

    def listen(
        self,
        pcm: np.ndarray,
        on_word: OnWord | None = None,
        progress: Progress | None = None,
    ) -> Heard:
        """Let the board listen to a stream, with its settings.

        Args:
            pcm: int16[n] at the front-end's sample rate, n < 2^32.
            on_word: called with each word as soon as the board has reported it.
            progress: called with (samples the board has heard, all samples).

        Raises:
            SottoError: the board stopped answering or restarted (at which sample), or its library
                failed.
            TypeError: `pcm` is not a one-dimensional int16 array.
        """
        return self.listen_live([pcm], on_word, progress)

    def listen_live(
        self,
        blocks: Iterable[np.ndarray],
        on_word: OnWord | None = None,
        progress: Progress | None = None,
    ) -> Heard:
        """As `listen`, of a stream that comes block by block, for as long as there are blocks.

        Args:
            blocks: int16[n] each, less than 2^32 samples in all.
        """
        self._stream = _next_number(self._stream)
        uploader = Uploader(self._exchange, self._known_info().rx_window_bytes)
        nothing = np.empty(0, np.int16)
        source = ListenSource(self._stream, nothing, self._exchange.name, on_word)
        for pcm in blocks:
            if pcm.dtype != np.int16 or pcm.ndim != 1:
                raise TypeError(f"pcm is {pcm.dtype} with {pcm.ndim} dimensions, expected int16[n]")
            source.follow(pcm)
            uploader.run(source, progress, source.start)
        request = struct.pack("<I", self._stream)
        statistics = self._ask(MessageType.STATISTICS, request, ListenStatistics.unpack)
        if statistics.samples != source.total:
            raise source.restarted()
        self._exchange.where = ""
        return Heard(tuple(source.words), statistics)

    def microphone(self) -> MicrophoneFacts:
        """What the board's own microphone is."""
        return self._ask(MessageType.MICROPHONE, b"", MicrophoneFacts.unpack)

    def capture(self) -> Capture:
        """A stream from the board's own microphone, which `Capture.begin` begins."""
        self._stream = _next_number(self._stream)
        return Capture(self._exchange, self._stream, self._known_info().rx_window_bytes)

    def settings(self) -> dict[int, int]:
        """Value of each setting of the listening mode, by number (`messages.Setting`)."""
        values: dict[int, int] = {}
        while True:
            request = struct.pack("<H", len(values) + 1)
            reply = self._ask(MessageType.SETTINGS_GET, request, SettingsReply.unpack)
            values |= {reply.first + i: value for i, value in enumerate(reply.values)}
            if len(values) >= reply.last or not reply.values:
                return values

    def change_settings(self, changes: Mapping[int, int]) -> None:
        """Change settings, all or none; a board keeps them until it restarts.

        Raises:
            SettingRefusedError: a value is out of its range.
            SottoError: there is no setting of that number, or the board stopped answering.
        """
        try:
            self._exchange.ask(MessageType.SETTINGS_SET, pack_changes(changes))
        except RefusedError as error:
            if error.reply is None or error.reply.code != ErrorCode.SETTING:
                raise
            raise SettingRefusedError(error.reply.detail) from error

    def self_test(self) -> SelfTest:
        """Let the board compare front-end and model with the golden vectors in its flash."""
        return self._ask(MessageType.SELF_TEST, b"", SelfTest.unpack)

    def health(self) -> Health:
        """Ask how the board fares, and what lies in its flash."""
        return self._ask(MessageType.HEALTH, b"", Health.unpack)

    def reset(self) -> BoardInfo:
        """Restart the board and wait until it answers again."""
        self._exchange.ask(MessageType.RESET)
        self._info = None
        return self.wait_until_up()

    def close(self) -> None:
        """Give the port back. May be called twice."""
        self._exchange.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _audio(self, pcm: np.ndarray) -> tuple[int, bytes, int, str, str]:
        """What a source of int16[n] is made of, but for its kind."""
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise TypeError(f"pcm is {pcm.dtype} with {pcm.ndim} dimensions, expected int16[n]")
        info = self._known_info()
        if not info.clip_samples_min <= len(pcm) <= info.clip_samples_max:
            raise SottoError(
                f"the clip has {len(pcm)} samples, the board's model takes "
                f"{info.clip_samples_min} to {info.clip_samples_max}",
                "Cut or pad the clip to that length.",
            )
        clip, title = self._next_clip()
        return clip, pcm.astype("<i2").tobytes(), _SAMPLE_BYTES, title, "sample"

    def _next_clip(self) -> tuple[int, str]:
        """Number and title of the clip that is sent next."""
        self._clips_sent += 1
        self._clip = _next_number(self._clip)
        return self._clip, f"clip {self._clips_sent}"

    def _upload(self, source: ClipSource, progress: Progress | None = None) -> ClipResult:
        uploader = Uploader(self._exchange, self._known_info().rx_window_bytes)
        for _ in range(self._timing.attempts):
            uploader.run(source, progress)
            reply = self._ask(MessageType.RESULT, struct.pack("<I", self._clip), ResultReply.unpack)
            if reply.result is not None:
                self._exchange.where = ""
                return reply.result
            if reply.state == ResultState.FAILED:
                raise self._failed(source.title, reply.status)
        raise self._exchange.stuck()

    def _failed(self, what: str, status: int) -> SottoError:
        return SottoError(
            f"{self._exchange.name} could not compute {what}: status {status}",
            "Run `sotto info --self-test`, then flash the board again.",
            EXIT_CHECK_FAILED,
        )

    def _forgotten(self, what: str) -> SottoError:
        return SottoError(
            f"{self._exchange.name} has no {what} of the last clip",
            "Run a clip first; a board that restarted has forgotten the one before.",
        )

    def _known_info(self) -> BoardInfo:
        return self._info or self.info()

    def _ask_info(self, timing: LinkTiming) -> BoardInfo:
        self._info = self._ask(MessageType.INFO, b"", BoardInfo.unpack, timing)
        return self._info

    def _ask(
        self,
        kind: MessageType,
        payload: bytes,
        unpack: Callable[[bytes], Reply],
        timing: LinkTiming | None = None,
    ) -> Reply:
        reply = self._exchange.ask(kind, payload, timing)
        try:
            return unpack(reply)
        except MalformedReplyError as error:
            raise self._exchange.malformed(kind, error) from error


def _next_number(number: int) -> int:
    """Number of the next clip or stream."""
    following = (number + 1) % _CLIP_NUMBERS
    return following if following != NO_CLIP else NO_CLIP + 1


def require_model(info: BoardInfo, expected_hash: str) -> None:
    """Refuse a board that runs another model than `expected_hash` (64 hexadecimal digits).

    Raises:
        SottoError: with both hashes, exit code EXIT_USAGE.
    """
    require_hash(info.model_hash, expected_hash, "sotto flash")


def require_hash(found: str, expected: str, command: str) -> None:
    """Refuse another model; `command` flashes the right one.

    Raises:
        SottoError: with both hashes, exit code EXIT_USAGE.
    """
    if found != expected:
        raise SottoError(
            f"the board runs model {found[:HASH_DIGITS_SHOWN]}..., "
            f"the manifest says {expected[:HASH_DIGITS_SHOWN]}...",
            f"Flash the board again with `{command}`.",
        )


def require_backend(found: str | None, asked: str | None) -> None:
    """Refuse a running board whose model runs by another back-end than the user asked for.

    Args:
        found: None: the board does not say.
        asked: None: any will do.

    Raises:
        SottoError: with both.
    """
    if asked is not None and found != asked:
        raise SottoError(
            f"--backend {asked}: the board says that its model runs by {found or 'nothing'}.",
            f"Flash it again with `--backend {asked}`, or leave the option out.",
        )
