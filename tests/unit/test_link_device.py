"""The device against boards in memory: window, silence, restarts, garbage, mismatches."""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from host_tools.errors import EXIT_USAGE, SottoError
from host_tools.link.codec import PROTOCOL_VERSION, Decoder, Frame, encode
from host_tools.link.device import Device, require_model
from host_tools.link.exchange import LinkTiming
from host_tools.link.messages import REPLY_FLAG, BoardInfo, MessageType
from host_tools.link.transport import InRealTime, LinkLostError

CLIP_SAMPLES = 16000
SHORT = LinkTiming(answer_timeout_s=0.02, attempts=3)
MODEL_HASH = "ab" * 32


class BoardInMemory(InRealTime):
    """Answers one request for each read, so that as many bytes as possible lie in its ring."""

    def __init__(self, window_bytes: int = 4096) -> None:
        self.window_bytes = window_bytes
        self.most_unanswered_bytes = 0
        self.most_unanswered_frames = 0
        self.ring: deque[bytes] = deque()
        self.version = PROTOCOL_VERSION
        self.noise = b""
        self.clip = (0, b"")
        self.answered = 0
        self.written = 0
        self.lost: set[int] = set()
        self.silent_after = -1
        self.forget_after: set[int] = set()
        self.reply: Callable[[Frame], bytes] = self.compute
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += 1
        if self.written in self.lost:
            return
        self.ring.append(data)
        self.most_unanswered_frames = max(self.most_unanswered_frames, len(self.ring))
        unanswered_bytes = sum(map(len, self.ring))
        self.most_unanswered_bytes = max(self.most_unanswered_bytes, unanswered_bytes)

    def read(self, timeout_s: float) -> bytes:
        noise, self.noise = self.noise, b""
        if noise:
            return noise
        if not self.ring or self.answered == self.silent_after:
            # What a real line does during the timeout: nothing. The caller's clock has to pass.
            self.ring.clear()
            return self.wait(timeout_s)
        frame = Decoder().feed(self.ring.popleft())[0].frame
        assert frame is not None
        self.answered += 1
        if self.answered in self.forget_after:
            self.clip = (0, b"")
        payload = self.reply(frame)
        return encode(Frame(frame.type | REPLY_FLAG, frame.request, payload, self.version))

    @staticmethod
    def wait(timeout_s: float) -> bytes:
        threading.Event().wait(timeout_s)
        return b""

    def close(self) -> None:
        self.closed = True

    def compute(self, frame: Frame) -> bytes:
        if frame.type == MessageType.INFO:
            return info_payload(self.window_bytes)
        if frame.type == MessageType.AUDIO:
            clip, offset, _ = struct.unpack_from("<III", frame.payload)
            if offset == 0 and self.clip[0] != clip:
                self.clip = (clip, b"")
            if clip == self.clip[0] and offset * 2 == len(self.clip[1]):
                self.clip = (clip, self.clip[1] + frame.payload[12:])
            return struct.pack("<II", clip, len(self.clip[1]) // 2 if clip == self.clip[0] else 0)
        assert frame.type == MessageType.RESULT
        (clip,) = struct.unpack("<I", frame.payload)
        if clip != self.clip[0]:
            return struct.pack("<IB27x", clip, 2)
        return struct.pack("<IBbBBIHxxQII2b", clip, 0, 0, 1, 2, 99, 49, 1 << 40, 5, 6, -7, 8)


def info_payload(
    window_bytes: int = 4096, texts: tuple[str, ...] = ("b", "k", "t", "m", "u")
) -> bytes:
    packed = b"".join(bytes([len(text)]) + text.encode() for text in texts)
    numbers = struct.pack("<6H8I", 1, 2, 49, 40, 480, 320, window_bytes, 0, 0, 0, 0, 0, 0, 0)
    return numbers + bytes.fromhex(MODEL_HASH) + packed


@pytest.fixture
def pcm() -> np.ndarray:
    return np.random.default_rng(0).integers(-9999, 9999, CLIP_SAMPLES, dtype=np.int16)


@pytest.mark.parametrize("window_bytes", [100, 512, 1055, 1056, 2048, 2111, 4096, 65536])
def test_the_window_is_filled_and_never_exceeded(window_bytes: int, pcm: np.ndarray) -> None:
    board = BoardInMemory(window_bytes)
    device = Device(board, SHORT)
    result = device.run_clip(pcm)
    assert board.clip[1] == pcm.tobytes()
    assert board.most_unanswered_bytes <= window_bytes
    assert board.most_unanswered_frames >= 2
    assert (result.scores, result.decision, result.features_crc32) == ((-7, 8), 1, 99)
    assert (result.ticks_frontend_sum, result.ticks_frontend_max) == (1 << 40, 5)


def test_a_lost_piece_is_mended_by_going_back_once(pcm: np.ndarray) -> None:
    board = BoardInMemory()
    Device(board, SHORT).run_clip(pcm)
    without_loss = board.written
    board = BoardInMemory()
    board.lost = {10}
    Device(board, SHORT).run_clip(pcm)
    assert board.clip[1] == pcm.tobytes()
    in_flight = board.window_bytes // 1055
    assert without_loss < board.written <= without_loss + in_flight + 1


def test_after_silence_one_piece_at_a_time_is_sent(pcm: np.ndarray) -> None:
    class Pausing(BoardInMemory):
        paused_at = 0

        def read(self, timeout_s: float) -> bytes:
            if self.answered == 5 and not self.paused_at:
                self.paused_at = self.written
                self.ring.clear()
                return self.wait(timeout_s)
            if self.answered == 5:
                assert self.written == self.paused_at + 1
            return super().read(timeout_s)

    board = Pausing()
    Device(board, SHORT).run_clip(pcm)
    assert board.paused_at
    assert board.clip[1] == pcm.tobytes()


def test_a_board_that_always_answers_too_late_is_slow_and_not_silent(pcm: np.ndarray) -> None:
    """As an emulator does on a busy computer."""

    class Late(BoardInMemory):
        def __init__(self) -> None:
            super().__init__()
            self.due: deque[bytes] = deque()

        def read(self, timeout_s: float) -> bytes:
            if self.due:
                return self.due.popleft()
            while self.ring:
                self.due.append(super().read(timeout_s))
            return self.wait(timeout_s)

    board = Late()
    assert Device(board, SHORT).run_clip(pcm).decision == 1
    assert board.clip[1] == pcm.tobytes()
    pieces = -(-CLIP_SAMPLES // 512)
    assert board.written < 3 * pieces


def test_a_window_too_small_for_a_frame_is_an_error(pcm: np.ndarray) -> None:
    with pytest.raises(SottoError, match="window of 40 bytes"):
        Device(BoardInMemory(40), SHORT).run_clip(pcm)


def test_progress_reaches_the_whole_clip(pcm: np.ndarray) -> None:
    steps: list[tuple[int, int]] = []
    Device(BoardInMemory(), SHORT).run_clip(pcm, progress=lambda *step: steps.append(step))
    assert steps[-1] == (CLIP_SAMPLES, CLIP_SAMPLES)
    assert [step for step, _ in steps] == sorted({step for step, _ in steps})


def test_no_answer_says_what_to_check() -> None:
    board = BoardInMemory()
    board.silent_after = 0
    with pytest.raises(
        SottoError, match=r"no answer from the board \(3 tries of 0.02 s\)"
    ) as error:
        Device(board, SHORT).info()
    assert "sotto flash" in error.value.remedy
    assert "no other program" in error.value.remedy  # an emulated board takes one client at a time
    assert error.value.exit_code == EXIT_USAGE


def test_other_firmware_is_told_from_silence() -> None:
    board = BoardInMemory()
    board.silent_after = 0
    board.noise = b"Zephyr OS booting\x00 *** \x00"
    with pytest.raises(SottoError, match="2 pieces of other data came") as error:
        Device(board, SHORT).info()
    assert "baud rate" in error.value.remedy


def test_garbage_before_the_first_answer_is_survived() -> None:
    board = BoardInMemory()
    board.noise = bytes(range(256)) * 20
    assert Device(board, SHORT).wait_until_up().model_hash == MODEL_HASH


def test_a_board_that_stops_answering_in_the_middle_is_named_with_clip_and_sample(
    pcm: np.ndarray,
) -> None:
    board = BoardInMemory()
    device = Device(board, SHORT)
    device.run_clip(pcm)
    board.silent_after = board.answered + 10
    expected = r"the board stopped answering at clip 2, sample 5120 \(3 tries of 0.02 s\)"
    with pytest.raises(SottoError, match=expected):
        device.run_clip(pcm)


def test_a_board_that_restarts_in_the_middle_gets_the_clip_again(pcm: np.ndarray) -> None:
    board = BoardInMemory()
    board.forget_after = {12}
    assert Device(board, SHORT).run_clip(pcm).decision == 1
    assert board.clip[1] == pcm.tobytes()


def test_a_board_that_restarts_before_the_result_gets_the_clip_again(pcm: np.ndarray) -> None:
    board = BoardInMemory()
    pieces = -(-CLIP_SAMPLES // 512)
    board.forget_after = {1 + pieces + 1}
    assert Device(board, SHORT).run_clip(pcm).decision == 1
    assert board.answered == 1 + 2 * (pieces + 1)


def test_a_board_that_restarts_again_and_again_ends_in_an_error(pcm: np.ndarray) -> None:
    board = BoardInMemory()
    board.forget_after = set(range(10, 100_000, 10))
    with pytest.raises(SottoError, match="gets no further at clip 1, sample"):
        Device(board, SHORT).run_clip(pcm)


def test_another_protocol_version_names_both() -> None:
    board = BoardInMemory()
    board.version = 9
    with pytest.raises(SottoError, match="speaks protocol version 9, this sotto speaks 1"):
        Device(board, SHORT).info()


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "0 bytes where 76 were expected"),
        (info_payload(texts=("only", "two")), "INFO carries 2 texts, expected 5"),
        (info_payload()[:-1], "a text is longer than its message"),
    ],
)
def test_a_malformed_info_is_an_error(payload: bytes, complaint: str) -> None:
    board = BoardInMemory()
    board.reply = lambda frame: payload
    with pytest.raises(SottoError, match=complaint):
        Device(board, SHORT).info()


@pytest.mark.parametrize("reply", [b"", struct.pack("<II", 1, 0), b"\xff" * 8])
def test_a_malformed_upload_reply_is_an_error(reply: bytes, pcm: np.ndarray) -> None:
    board = BoardInMemory()
    board.reply = lambda frame: reply if frame.type == MessageType.AUDIO else board.compute(frame)
    with pytest.raises(SottoError, match="answered AUDIO at clip 1, sample 0 with a malformed"):
        Device(board, SHORT).run_clip(pcm)


def test_a_refusal_says_why() -> None:
    class Refusing(BoardInMemory):
        def read(self, timeout_s: float) -> bytes:
            frame = Decoder().feed(self.ring.popleft())[0].frame
            assert frame is not None
            return encode(Frame(0xFF, frame.request, struct.pack("<BBxxI", 3, frame.type, 12)))

    with pytest.raises(
        SottoError, match=r"refused INFO: the request has a wrong length.* 12 bytes"
    ):
        Device(Refusing(), SHORT).info()


def test_a_stream_that_ends_is_an_error_with_its_place(pcm: np.ndarray) -> None:
    class Ending(BoardInMemory):
        def read(self, timeout_s: float) -> bytes:
            if self.answered == 5:
                raise LinkLostError("the connection was closed at the other end")
            return super().read(timeout_s)

    with pytest.raises(SottoError, match="lost the board at clip 1, sample 2048: the connection"):
        Device(Ending(), SHORT).run_clip(pcm)


def test_a_late_reply_to_a_request_that_was_repeated_counts() -> None:
    class Late(BoardInMemory):
        def read(self, timeout_s: float) -> bytes:
            return super().read(timeout_s) if len(self.ring) == 3 else self.wait(timeout_s)

    assert Device(Late(), SHORT).info().model_hash == MODEL_HASH


def test_a_reply_to_another_request_is_ignored() -> None:
    class Confused(BoardInMemory):
        def read(self, timeout_s: float) -> bytes:
            good = super().read(timeout_s)
            frame = Decoder().feed(good)[0].frame if good else None
            return good and encode(replace(frame, request=frame.request ^ 1))

    with pytest.raises(SottoError, match="stopped answering"):
        Device(Confused(), SHORT).info()


def test_a_line_that_only_echoes_has_not_answered() -> None:
    class Echo(BoardInMemory):
        def read(self, timeout_s: float) -> bytes:
            return self.ring.popleft() if self.ring else self.wait(timeout_s)

    with pytest.raises(SottoError, match="no answer from the board"):
        Device(Echo(), SHORT).info()


def test_a_board_with_another_model_is_refused() -> None:
    info = BoardInfo.unpack(info_payload())
    require_model(info, MODEL_HASH)
    with pytest.raises(
        SottoError, match=r"runs model abababababab\.\.\., .* cdcdcdcdcdcd"
    ) as error:
        require_model(info, "cd" * 32)
    assert "sotto flash" in error.value.remedy


def test_wrong_arrays_are_refused_before_anything_is_sent() -> None:
    board = BoardInMemory()
    device = Device(board, SHORT)
    with pytest.raises(TypeError, match="float64 with 1 dimensions, expected int16"):
        device.run_clip(np.zeros(CLIP_SAMPLES))
    with pytest.raises(TypeError, match="uint8, expected int8"):
        device.infer(np.zeros((49, 40), np.uint8))
    assert not board.ring


def test_the_port_is_given_back() -> None:
    board = BoardInMemory()
    with Device(board, SHORT) as device:
        device.info()
    assert board.closed


@pytest.mark.parametrize(("timeout_s", "attempts"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_timing_without_sense_is_refused(timeout_s: float, attempts: int) -> None:
    with pytest.raises(SottoError, match=r"timeout of|0 attempts"):
        LinkTiming(timeout_s, attempts)
