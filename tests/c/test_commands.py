"""The firmware's answers, request by request, around the fake model (tests/firmware_build.py)."""

from __future__ import annotations

import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from firmware_build import (
    CLIP_SAMPLES,
    CONFIG,
    FAILING_FEATURES,
    GOLDEN_CASES,
    LABELS,
    MODEL_HASH,
    build_around,
    build_host_firmware,
    running,
    write_fake_generated,
)

from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.link.codec import REPLY_MAX_BYTES, Decoder, Frame, encode
from host_tools.link.device import Device
from host_tools.link.messages import (
    ERROR_TYPE,
    REPLY_FLAG,
    ErrorCode,
    ErrorReply,
    FeaturesReply,
    MessageType,
    ResultReply,
    ResultState,
    SelfTest,
    SelfTestStage,
    Upload,
    UploadReply,
)
from host_tools.link.transport import Transport, open_transport
from training.features import Frontend

pytest_plugins = ["link_fixtures"]

PIECE_SAMPLES = 512
FEATURE_BYTES = CONFIG.frames * CONFIG.mel_bins
ANSWER_S = 20.0


class Line:
    """Frames to and from a board, one at a time."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.decoder = Decoder()
        self.request = 0

    def ask(self, kind: int, payload: bytes = b"", version: int = 1) -> Frame:
        self.request += 1
        self.transport.write(encode(Frame(kind, self.request, payload, version)))
        reply = self.next_frame()
        assert reply.request == self.request
        assert len(reply.payload) <= REPLY_MAX_BYTES
        return reply

    def next_frame(self) -> Frame:
        while data := self.transport.read(ANSWER_S):
            for received in self.decoder.feed(data):
                assert received.frame is not None
                return received.frame
        raise AssertionError("no answer")

    def upload(self, kind: MessageType, clip: int, offset: int, total: int, data: bytes) -> int:
        reply = self.ask(kind, Upload(clip, offset, total, data).pack())
        assert reply.type == kind | REPLY_FLAG
        answer = UploadReply.unpack(reply.payload)
        assert answer.clip == clip
        return answer.next_offset

    def audio(self, clip: int, pcm: np.ndarray, offset: int, count: int = PIECE_SAMPLES) -> int:
        data = pcm[offset : offset + count].tobytes()
        return self.upload(MessageType.AUDIO, clip, offset, len(pcm), data)

    def whole_clip(self, clip: int, pcm: np.ndarray) -> None:
        offset = 0
        while offset < len(pcm):
            expected = min(offset + PIECE_SAMPLES, len(pcm))
            offset = self.audio(clip, pcm, offset)
            assert offset == expected

    def result(self, clip: int) -> ResultReply:
        return ResultReply.unpack(self.ask(MessageType.RESULT, struct.pack("<I", clip)).payload)

    def error(self, kind: int, payload: bytes = b"", version: int = 1) -> ErrorReply:
        reply = self.ask(kind, payload, version)
        assert reply.type == ERROR_TYPE
        return ErrorReply.unpack(reply.payload)


@pytest.fixture
def line(board_url: str) -> Iterator[Line]:
    transport = open_transport(board_url)
    yield Line(transport)
    transport.close()


@pytest.fixture
def pcm() -> np.ndarray:
    return np.random.default_rng(3).integers(-20000, 20000, CLIP_SAMPLES, dtype=np.int16)


def test_info_says_what_was_built(device: Device) -> None:
    info = device.info()
    assert (info.classes, info.frames, info.bins) == (5, CONFIG.frames, CONFIG.mel_bins)
    assert (info.window_samples, info.hop_samples) == (CONFIG.window_samples, CONFIG.hop_samples)
    assert info.clip_samples_min <= CLIP_SAMPLES <= info.clip_samples_max
    assert info.model_hash == MODEL_HASH.hex()
    assert (info.board, info.backend, info.model_name) == ("host", "fake", "fake")
    assert (info.tool_version, info.tick_unit) == ("0.0.0-fake", "nanoseconds")
    assert (info.rx_window_bytes, info.arena_bytes) == (4096, 16)
    assert device.info().frames_received == info.frames_received + 1


def test_labels_come_in_the_order_of_the_scores(device: Device) -> None:
    assert device.labels() == LABELS


def test_a_clip_gives_the_frontends_features_and_the_models_scores(
    line: Line, pcm: np.ndarray
) -> None:
    features = Frontend(CONFIG).clip(pcm)
    line.whole_clip(7, pcm)
    reply = line.result(7)
    assert reply.state == ResultState.READY
    assert reply.result is not None
    assert reply.result.features_crc32 == zlib.crc32(features.tobytes())
    assert reply.result.scores == tuple(features[0, : len(LABELS)].tolist())
    assert reply.result.frames == CONFIG.frames
    assert 0 < reply.result.ticks_frontend_max <= reply.result.ticks_frontend_sum
    assert reply.result.ticks_inference > 0


def test_lengths_that_give_the_same_frames_give_the_same_features(device: Device) -> None:
    info = device.info()
    rng = np.random.default_rng(4)
    longest = rng.integers(-9000, 9000, info.clip_samples_max, dtype=np.int16)
    shortest = longest[: info.clip_samples_min]
    first, second = device.run_clip(longest), device.run_clip(shortest)
    assert first.features_crc32 == second.features_crc32
    for wrong in (info.clip_samples_min - 1, info.clip_samples_max + 1):
        with pytest.raises(SottoError, match=f"has {wrong} samples"):
            device.run_clip(np.zeros(wrong, np.int16))


def test_ticks_are_those_of_the_timed_calls(tmp_path: Path) -> None:
    write_fake_generated(tmp_path / "generated")
    sources = [Path(__file__).with_name("clip_ticks.c"), ROOT / "firmware" / "src" / "clip.c"]
    program = build_around(tmp_path / "generated", sources, tmp_path / "clip_ticks")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_repeated_piece_changes_nothing(line: Line, pcm: np.ndarray) -> None:
    line.whole_clip(1, pcm)
    once = line.result(1)
    for offset in range(0, len(pcm), PIECE_SAMPLES):
        expected = min(offset + PIECE_SAMPLES, len(pcm))
        assert line.audio(2, pcm, offset) == expected
        assert line.audio(2, pcm, offset) == expected
        assert line.audio(2, pcm, 0) == expected
    twice = line.result(2)
    assert once.result is not None
    assert twice.result is not None
    assert twice.result.features_crc32 == once.result.features_crc32
    assert line.result(2) == twice
    # A piece of the finished clip does not run it again.
    assert line.audio(2, pcm, 0) == len(pcm)
    assert line.result(2) == twice


def test_a_gap_is_answered_with_the_position_that_is_missing(line: Line, pcm: np.ndarray) -> None:
    assert line.audio(5, pcm, 512) == 0
    assert line.audio(5, pcm, 0) == 512
    assert line.audio(5, pcm, 1024) == 512
    assert line.result(5).state == ResultState.INCOMPLETE
    # A piece that overlaps what is there is no next piece either.
    assert line.audio(5, pcm, 256) == 512


def test_an_empty_piece_begins_a_clip_and_asks_for_its_position(
    line: Line, pcm: np.ndarray
) -> None:
    assert line.audio(5, pcm, 0, count=0) == 0
    assert line.audio(5, pcm, 0) == 512
    assert line.audio(5, pcm, 0, count=0) == 512


def test_a_reset_in_the_middle_of_a_clip_shows_as_position_0(line: Line, pcm: np.ndarray) -> None:
    assert line.audio(5, pcm, 0) == 512
    assert line.ask(MessageType.RESET).type == MessageType.RESET | REPLY_FLAG
    assert line.audio(5, pcm, 512) == 0
    assert line.result(5).state == ResultState.UNKNOWN_CLIP
    line.whole_clip(5, pcm)
    assert line.result(5).state == ResultState.READY


def test_a_new_clip_forgets_the_one_before(line: Line, pcm: np.ndarray) -> None:
    line.whole_clip(1, pcm)
    assert line.audio(2, pcm, 512) == 0
    assert line.result(1).state == ResultState.READY
    assert line.audio(2, pcm, 0) == 512
    assert line.result(1).state == ResultState.UNKNOWN_CLIP


def test_another_total_or_kind_is_another_clip(line: Line, pcm: np.ndarray) -> None:
    line.audio(1, pcm, 0)
    assert line.audio(1, pcm[:-1], 512) == 0
    assert line.audio(1, pcm, 0, count=0) == 512
    assert line.audio(1, pcm[:-1], 0) == 512
    assert line.audio(1, pcm, 512) == 0
    features = bytes(FEATURE_BYTES)
    assert line.upload(MessageType.FEATURES_PUT, 1, 512, FEATURE_BYTES, features[512:600]) == 0
    assert line.upload(MessageType.FEATURES_PUT, 1, 0, FEATURE_BYTES, features[:600]) == 600
    assert line.audio(1, pcm, 512) == 0


def test_the_decision_is_the_lowest_of_equal_scores(device: Device) -> None:
    features = np.full((CONFIG.frames, CONFIG.mel_bins), -128, np.int8)
    assert device.infer(features).decision == 0
    features[0, 2] = features[0, 4] = 9
    assert device.infer(features).decision == 2
    features[0, 4] = 10
    assert device.infer(features).decision == 4


def test_features_in_come_back_and_cost_no_frontend_ticks(device: Device) -> None:
    rng = np.random.default_rng(1)
    features = rng.integers(-128, 128, (CONFIG.frames, CONFIG.mel_bins), dtype=np.int8)
    result = device.infer(features)
    np.testing.assert_array_equal(device.features(), features)
    assert result.features_crc32 == zlib.crc32(features.tobytes())
    assert (result.frames, result.ticks_frontend_sum, result.ticks_frontend_max) == (49, 0, 0)
    with pytest.raises(SottoError, match=r"shape \(48, 40\), the board's model takes \(49, 40\)"):
        device.infer(features[1:])


def test_a_model_that_refuses_is_reported_with_its_status(device: Device, pcm: np.ndarray) -> None:
    features = np.zeros((CONFIG.frames, CONFIG.mel_bins), np.int8)
    features[0, 0], features[-1, -1] = FAILING_FEATURES
    with pytest.raises(SottoError, match="could not compute clip 1: status -5") as caught:
        device.infer(features)
    assert caught.value.exit_code == EXIT_CHECK_FAILED
    assert device.run_clip(pcm).frames == CONFIG.frames


def test_features_of_another_clip_are_not_given(line: Line, pcm: np.ndarray) -> None:
    def features(clip: int, offset: int) -> FeaturesReply:
        payload = struct.pack("<II", clip, offset)
        return FeaturesReply.unpack(line.ask(MessageType.FEATURES_GET, payload).payload)

    assert features(1, 0) == FeaturesReply(1, 0, 0, b"")
    line.whole_clip(1, pcm)
    assert features(1, FEATURE_BYTES - 1).data == Frontend(CONFIG).clip(pcm).tobytes()[-1:]
    for offset in (FEATURE_BYTES, 0xFFFFFFFF):
        assert features(1, offset) == FeaturesReply(1, offset, FEATURE_BYTES, b"")
    assert features(2, 0) == FeaturesReply(2, 0, 0, b"")


def test_self_test_names_the_first_difference(tmp_path: Path) -> None:
    cases = {
        "frontend": ({"wrong_frame_at": 87}, SelfTestStage.FRONTEND, 0, 87),
        "model": ({"wrong_score_at": 3}, SelfTestStage.MODEL, GOLDEN_CASES - 1, 3),
    }
    for name, (mistake, stage, case, index) in cases.items():
        write_fake_generated(tmp_path / name, **mistake)
        program = build_host_firmware(tmp_path / name, tmp_path / f"{name}_firmware")
        with running(program) as url, Device.open(url) as device:
            report = device.self_test()
        assert (report.stage, report.case, report.index) == (stage, case, index)
        assert report.expected == report.actual + 1
        assert f"is {report.actual}, expected {report.expected}" in report.describe()


def test_self_test_fails_when_the_frontend_gives_too_few_frames(tmp_path: Path) -> None:
    write_fake_generated(tmp_path / "generated", frames_too_many=1)
    program = build_host_firmware(tmp_path / "generated", tmp_path / "firmware")
    with running(program) as url, Device.open(url) as device:
        report = device.self_test()
    assert (report.stage, report.actual) == (SelfTestStage.STATUS, -4)


def test_self_test_forgets_a_clip_on_its_way_and_keeps_a_finished_one(
    line: Line, pcm: np.ndarray
) -> None:
    line.whole_clip(1, pcm)
    before = line.result(1)
    assert SelfTest.unpack(line.ask(MessageType.SELF_TEST).payload).passed
    assert line.result(1) == before
    line.audio(2, pcm, 0)
    assert SelfTest.unpack(line.ask(MessageType.SELF_TEST).payload).passed
    assert line.audio(2, pcm, 512) == 0
    line.whole_clip(2, pcm)
    after = line.result(2)
    assert before.result is not None
    assert after.result is not None
    assert after.result.features_crc32 == before.result.features_crc32


@pytest.mark.parametrize("kind", [0, 0x0D, 0x7F])
def test_an_unknown_type_is_refused(kind: int, line: Line) -> None:
    assert line.error(kind) == ErrorReply(ErrorCode.UNKNOWN_TYPE, kind, 0)


def test_another_protocol_version_is_refused_with_the_boards_own(line: Line) -> None:
    assert line.error(MessageType.INFO, version=2) == ErrorReply(ErrorCode.VERSION, 1, 1)


@pytest.mark.parametrize(
    ("kind", "payload", "expected_bytes"),
    [
        (MessageType.INFO, b"x", 0),
        (MessageType.LABELS, b"", 2),
        (MessageType.AUDIO, b"x" * 11, 12),
        (MessageType.AUDIO, Upload(1, 0, CLIP_SAMPLES, b"xxx").pack(), 14),
        (MessageType.RESULT, b"x" * 5, 4),
        (MessageType.FEATURES_GET, b"x" * 7, 8),
        (MessageType.FEATURES_PUT, b"", 12),
        (MessageType.SELF_TEST, b"x", 0),
        (MessageType.RESET, b"x", 0),
    ],
)
def test_a_wrong_length_is_refused(
    kind: MessageType, payload: bytes, expected_bytes: int, line: Line
) -> None:
    assert line.error(kind, payload) == ErrorReply(ErrorCode.LENGTH, kind, expected_bytes)


@pytest.mark.parametrize(
    ("kind", "upload", "least"),
    [
        (MessageType.AUDIO, Upload(0, 0, CLIP_SAMPLES, b""), 1),
        (MessageType.AUDIO, Upload(1, 0, 0, b""), 15840),
        (MessageType.AUDIO, Upload(1, 0, 15839, b""), 15840),
        (MessageType.AUDIO, Upload(1, 0, 16160, b""), 15840),
        (MessageType.AUDIO, Upload(1, 0, 0xFFFFFFFF, b""), 15840),
        (MessageType.AUDIO, Upload(1, CLIP_SAMPLES, CLIP_SAMPLES, b"xx"), 0),
        (MessageType.AUDIO, Upload(1, 0xFFFFFFFF, CLIP_SAMPLES, b"xxxx"), 0),
        (MessageType.FEATURES_PUT, Upload(1, 0, FEATURE_BYTES + 1, b""), FEATURE_BYTES),
        (MessageType.FEATURES_PUT, Upload(1, FEATURE_BYTES, FEATURE_BYTES, b"x"), 0),
    ],
)
def test_a_value_out_of_range_is_refused(
    kind: MessageType, upload: Upload, least: int, line: Line
) -> None:
    assert line.error(kind, upload.pack()) == ErrorReply(ErrorCode.RANGE, kind, least)


def test_echoes_and_corrupt_frames_are_not_answered(line: Line) -> None:
    echo = encode(Frame(MessageType.INFO | REPLY_FLAG, 77))
    corrupt = bytearray(encode(Frame(MessageType.INFO, 78)))
    corrupt[2] ^= 0x40
    line.transport.write(echo + bytes(corrupt) + b"babble\x00" + echo)
    assert line.ask(MessageType.LABELS, b"\0\0").type == MessageType.LABELS | REPLY_FLAG


def test_random_bytes_do_no_harm(line: Line) -> None:
    rng = np.random.default_rng(9)
    for _ in range(200):
        kind = int(rng.integers(1, 9))
        payload = rng.bytes(int(rng.integers(0, 60)))
        if kind != MessageType.RESET:
            line.ask(kind, payload)
        line.transport.write(rng.bytes(50))
        # Ends the garbage; it may have been a request by chance only with a good CRC.
        line.transport.write(b"\0")
    assert line.ask(MessageType.INFO).type == MessageType.INFO | REPLY_FLAG


def test_the_next_connection_finds_the_same_board(board_url: str, pcm: np.ndarray) -> None:
    with Device.open(board_url) as device:
        first = device.run_clip(pcm)
    with Device.open(board_url) as device:
        assert device.info().clips_completed == 1
        assert device.run_clip(pcm).features_crc32 == first.features_crc32


def test_reset_starts_the_board_afresh_on_the_same_connection(
    device: Device, pcm: np.ndarray
) -> None:
    device.run_clip(pcm)
    info = device.reset()
    assert info.clips_completed == 0
    with pytest.raises(SottoError, match="has no features of the last clip"):
        device.features()
