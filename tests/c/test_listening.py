"""The firmware's listening mode over the link: words, settings, statistics, and a bad line."""

from __future__ import annotations

import random
import struct
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest
from fake_listener import many_sounds, plain_listener, plain_words
from firmware_build import (
    CONFIG,
    DETECT,
    GATE,
    LABELS,
    SMOOTHING_STEPS_MAX,
    STRIDE_FRAMES,
)
from listening import GateSettings

from host_tools.errors import SottoError
from host_tools.link.device import Device, SettingRefusedError
from host_tools.link.exchange import LinkTiming, RefusedError
from host_tools.link.faulty import LINE_FAULTS, Fault, FaultPlan, FaultyTransport
from host_tools.link.listen_messages import (
    ONE_Q15,
    HeardWord,
    ListenPiece,
    ListenReply,
    ListenStatistics,
)
from host_tools.link.messages import (
    ErrorCode,
    MessageType,
    ResultState,
    Setting,
    Upload,
    UploadReply,
)
from host_tools.link.transport import open_transport
from training.features import Frontend

pytest_plugins = ["link_fixtures"]

PATIENT = LinkTiming(answer_timeout_s=0.05, attempts=100)
FAULTS = {fault.name.lower(): [fault] for fault in LINE_FAULTS} | {"all": list(LINE_FAULTS)}
EVENTS_KEPT = 16
"""SOTTO_LISTENING_EVENTS: no sample is taken while as many words wait."""
FEW_SETTINGS = {
    Setting.STRIDE_FRAMES: 1,
    Setting.SMOOTHING_STEPS: 1,
    Setting.REFRACTORY_STEPS: 0,
    Setting.HYSTERESIS_Q15: 0,
}
"""Under which the fake model hears a word every few frames."""
CHATTY = replace(DETECT, smoothing=1, refractory=0, hysteresis=0)


class Board:
    """Requests by hand, so that a test can send what a device would not."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def ask(self, kind: MessageType, payload: bytes) -> bytes:
        return self.device._exchange.ask(kind, payload)

    def listen(
        self, pcm: np.ndarray, offset: int, fetched: int = 0, stream: int = 7
    ) -> ListenReply:
        piece = ListenPiece(stream, offset, fetched, pcm[offset : offset + 512].tobytes())
        return ListenReply.unpack(self.ask(MessageType.LISTEN, piece.pack()))

    def statistics(self, stream: int = 7) -> ListenStatistics:
        payload = self.ask(MessageType.STATISTICS, struct.pack("<I", stream))
        return ListenStatistics.unpack(payload)

    def clip_piece(self, clip: int, offset: int) -> int:
        total = CONFIG.clip_samples
        piece = Upload(clip, offset, total, bytes(1024)).pack()
        return UploadReply.unpack(self.ask(MessageType.AUDIO, piece)).next_offset


@pytest.fixture
def board(listener: Device) -> Board:
    return Board(listener)


def test_board_hears_the_words_that_a_plain_listener_hears(listener: Device) -> None:
    pcm = many_sounds(6.0)
    plain = plain_listener()
    expected = plain_words(plain, pcm)
    assert len({word.label for word in expected}) > 1
    told: list[HeardWord] = []
    heard = listener.listen(pcm, on_word=told.append)
    assert list(heard.words) == expected == told
    done = heard.statistics
    assert (done.samples, done.frames) == (len(pcm), len(plain.frames))
    assert (done.steps, done.steps_skipped) == (plain.steps, 0)
    assert (done.invokes, done.words) == (plain.invokes, plain.words)
    assert min(done.ticks_frontend, done.ticks_network, done.ticks_detect) > 0


def test_a_stream_may_come_block_by_block(listener: Device) -> None:
    pcm = many_sounds(3.0)
    blocks = np.split(pcm, [1, 700, 701, 20_000])
    heard = listener.listen_live(blocks)
    assert list(heard.words) == plain_words(plain_listener(), pcm) != []
    assert heard.statistics.samples == len(pcm)


def test_a_second_stream_knows_nothing_of_the_first(listener: Device) -> None:
    first, second = many_sounds(4.0), many_sounds(4.0, seed=2)
    expected = plain_words(plain_listener(), second)
    listener.listen(first)
    assert list(listener.listen(second).words) == expected


def test_settings_are_read_as_they_were_generated(listener: Device) -> None:
    settings = listener.settings()
    numbers = [STRIDE_FRAMES, DETECT.smoothing, DETECT.refractory, DETECT.hysteresis]
    numbers += [GATE.margin, GATE.hold, GATE.rise, *DETECT.thresholds]
    assert settings == dict(enumerate(numbers, start=1))


def test_changed_settings_count_at_once_and_for_later_streams(listener: Device) -> None:
    pcm = many_sounds(5.0)
    before = listener.listen(pcm).words
    gate = GateSettings(margin=70, hold=1, rise=7)
    changes = {
        Setting.GATE_MARGIN: gate.margin,
        Setting.GATE_HOLD_FRAMES: gate.hold,
        Setting.GATE_RISE_FRAMES: gate.rise,
        Setting.THRESHOLD_Q15 + 1: 0,
    }
    listener.change_settings({**FEW_SETTINGS, **changes})
    thresholds = (DETECT.thresholds[0], 0, *DETECT.thresholds[2:])
    plain = plain_listener(replace(CHATTY, thresholds=thresholds), gate, stride=1)
    expected = plain_words(plain, pcm)
    heard = listener.listen(pcm)
    assert list(heard.words) == expected != list(before)
    assert heard.statistics.steps_skipped == plain.skipped > 0
    assert heard.statistics.steps == plain.steps


def test_settings_change_in_the_middle_of_a_stream(board: Board) -> None:
    pcm = many_sounds(4.0)
    middle = 512 * 70
    plain = plain_listener()
    words: list[HeardWord] = []
    for offset in range(0, len(pcm), 512):
        if offset == middle:
            board.device.change_settings(FEW_SETTINGS)
        reply = board.listen(pcm, offset, len(words))
        words += reply.words[len(words) - reply.first_word :]
    assert words
    changed = [word for word in words if word.sample > middle]
    before = plain_words(plain, pcm)
    assert words[: len(words) - len(changed)] == [w for w in before if w.sample <= middle]
    assert len(changed) > len([w for w in before if w.sample > middle])


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({Setting.STRIDE_FRAMES: 0}, Setting.STRIDE_FRAMES),
        ({Setting.STRIDE_FRAMES: CONFIG.frames + 1}, Setting.STRIDE_FRAMES),
        ({Setting.SMOOTHING_STEPS: SMOOTHING_STEPS_MAX + 1}, Setting.SMOOTHING_STEPS),
        ({Setting.GATE_MARGIN: 256}, Setting.GATE_MARGIN),
        ({Setting.GATE_RISE_FRAMES: 0}, Setting.GATE_RISE_FRAMES),
        ({Setting.HYSTERESIS_Q15: 8_000}, Setting.HYSTERESIS_Q15),
        ({Setting.THRESHOLD_Q15 + 2: ONE_Q15 + 1}, Setting.THRESHOLD_Q15 + 2),
        ({Setting.REFRACTORY_STEPS: 9, Setting.SMOOTHING_STEPS: 0}, Setting.SMOOTHING_STEPS),
    ],
)
def test_settings_out_of_range_change_nothing(
    listener: Device, changes: dict[int, int], wrong: int
) -> None:
    before = listener.settings()
    with pytest.raises(SettingRefusedError) as caught:
        listener.change_settings(changes)
    assert caught.value.number == wrong
    assert listener.settings() == before


@pytest.mark.parametrize("number", [0, Setting.THRESHOLD_Q15 + len(LABELS), 65_535])
def test_settings_that_do_not_exist_are_refused(listener: Device, number: int) -> None:
    with pytest.raises(RefusedError) as caught:
        listener.change_settings({Setting.REFRACTORY_STEPS: 9, number: 1})
    assert caught.value.reply is not None
    assert caught.value.reply.code == ErrorCode.RANGE
    assert listener.settings()[Setting.REFRACTORY_STEPS] == DETECT.refractory


def test_a_change_that_changes_nothing_leaves_the_averages(board: Board) -> None:
    """So a change may be sent twice: one that was made begins the averages anew."""
    pcm = many_sounds(4.0)
    expected = plain_words(plain_listener(), pcm)
    words: list[HeardWord] = []
    for offset in range(0, len(pcm), 512):
        board.device.change_settings({Setting.REFRACTORY_STEPS: DETECT.refractory})
        reply = board.listen(pcm, offset, len(words))
        words += reply.words
    assert words == expected


def test_pieces_are_taken_once_and_in_order(board: Board) -> None:
    pcm = many_sounds(1.0)
    assert board.listen(pcm, 512).next_samples == 0, "a stream begins with its first sample"
    assert board.listen(pcm, 0).next_samples == 512
    assert board.listen(pcm, 0).next_samples == 512, "sent twice"
    assert board.listen(pcm, 1024).next_samples == 512, "one was lost"
    assert board.listen(pcm, 512).next_samples == 1024
    assert board.statistics().samples == 1024
    assert board.listen(pcm, 0, stream=8).next_samples == 512, "another stream"
    assert board.listen(pcm, 1024).next_samples == 0, "which takes the place of the first"
    assert board.statistics().samples == 0


def test_words_that_were_not_fetched_come_again(board: Board) -> None:
    board.device.change_settings(FEW_SETTINGS)
    pcm = many_sounds(4.0)
    expected = plain_words(plain_listener(CHATTY, stride=1), pcm)
    reply = board.listen(pcm, 0)
    while len(reply.words) < 3:
        reply = board.listen(pcm, reply.next_samples)
    count = len(reply.words)
    assert list(reply.words) == expected[:count]
    again = board.listen(pcm, 0)
    assert (again.first_word, again.words) == (0, reply.words)
    rest = board.listen(pcm, 0, fetched=count - 1)
    assert (rest.first_word, rest.words) == (count - 1, reply.words[-1:])
    assert board.listen(pcm, 0, fetched=1).words == reply.words[1:], "an old request, come late"


def test_no_sample_is_taken_while_the_words_that_wait_leave_no_room(board: Board) -> None:
    board.device.change_settings(FEW_SETTINGS)
    pcm = many_sounds(8.0)
    expected = plain_words(plain_listener(CHATTY, stride=1), pcm)
    assert len(expected) > EVENTS_KEPT
    reply = board.listen(pcm, 0)
    for _ in range(len(pcm) // 512):
        reply = board.listen(pcm, reply.next_samples)
    assert list(reply.words) == expected[:EVENTS_KEPT]
    assert reply.next_samples == expected[EVENTS_KEPT - 1].sample
    assert board.listen(pcm, reply.next_samples).next_samples == reply.next_samples
    on = board.listen(pcm, reply.next_samples, fetched=EVENTS_KEPT)
    assert on.next_samples > reply.next_samples


def test_more_words_than_a_board_keeps_all_arrive(listener: Device) -> None:
    listener.change_settings(FEW_SETTINGS)
    pcm = many_sounds(8.0)
    expected = plain_words(plain_listener(CHATTY, stride=1), pcm)
    assert len(expected) > 2 * EVENTS_KEPT
    assert list(listener.listen(pcm).words) == expected


def test_clips_and_streams_take_turns(board: Board) -> None:
    pcm = many_sounds(1.1)
    clip = np.random.default_rng(5).integers(-9_000, 9_000, CONFIG.clip_samples, dtype=np.int16)
    expected = Frontend(CONFIG).clip(clip)
    board.listen(pcm, 0)
    result = board.device.run_clip(clip)
    assert result.scores == tuple(expected[0, : len(LABELS)].tolist())
    assert board.listen(pcm, 512).next_samples == 0, "the clip took the stream's memory"
    assert board.clip_piece(99, 0) == 512
    assert board.listen(pcm, 0).next_samples == 512
    assert board.clip_piece(99, 512) == 0, "and a stream takes that of an unfinished clip"
    assert board.device.run_clip(clip) is not None
    heard = board.device.listen(pcm)
    np.testing.assert_array_equal(board.device.features().shape, expected.shape)
    assert list(heard.words) == plain_words(plain_listener(), pcm)


def test_self_test_ends_a_stream(board: Board) -> None:
    pcm = many_sounds(1.0)
    board.listen(pcm, 0)
    assert board.device.self_test().passed
    assert board.listen(pcm, 512).next_samples == 0


def test_a_finished_clip_keeps_its_result_beside_a_stream(board: Board) -> None:
    clip = np.zeros(CONFIG.clip_samples, np.int16)
    board.device.run_clip(clip)
    number = board.device._clip
    board.listen(many_sounds(1.0), 0)
    payload = board.ask(MessageType.RESULT, struct.pack("<I", number))
    assert payload[4] == ResultState.READY


def test_a_board_that_restarts_is_noticed(listener: Device) -> None:
    pcm = many_sounds(20.0)
    restarted = []

    def restart(done: int, total: int) -> None:
        if done > total // 2 and not restarted:
            restarted.append(done)
            listener._exchange.ask(MessageType.RESET)

    with pytest.raises(SottoError, match=r"restarted at sample \d+ of the stream"):
        listener.listen(pcm, progress=restart)


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        (MessageType.LISTEN, bytes(11), ErrorCode.LENGTH),
        (MessageType.LISTEN, struct.pack("<III", 1, 0, 0) + bytes(3), ErrorCode.LENGTH),
        (MessageType.LISTEN, struct.pack("<III", 0, 0, 0), ErrorCode.RANGE),
        (MessageType.LISTEN, struct.pack("<III", 1, 2**32 - 1, 0) + bytes(4), ErrorCode.RANGE),
        (MessageType.SETTINGS_GET, b"", ErrorCode.LENGTH),
        (MessageType.SETTINGS_GET, struct.pack("<H", 0), ErrorCode.RANGE),
        (MessageType.SETTINGS_SET, b"", ErrorCode.LENGTH),
        (MessageType.SETTINGS_SET, bytes(6), ErrorCode.LENGTH),
        (MessageType.STATISTICS, b"", ErrorCode.LENGTH),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    board: Board, kind: MessageType, payload: bytes, code: ErrorCode
) -> None:
    with pytest.raises(RefusedError) as caught:
        board.ask(kind, payload)
    assert caught.value.reply is not None
    assert caught.value.reply.code == code


def device_on_bad_line(url: str, faults: Collection[Fault], seed: int) -> Device:
    plan = FaultPlan(faults, probability=0.15)
    transport = FaultyTransport(open_transport(url), random.Random(seed), plan, plan)
    return Device(transport, PATIENT)


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_no_fault_of_the_line_loses_or_doubles_a_word(
    faults: list[Fault], listener_url: str
) -> None:
    pcm = many_sounds(5.0)
    expected = plain_words(plain_listener(CHATTY, stride=1), pcm)
    assert len(expected) > EVENTS_KEPT
    told: list[HeardWord] = []
    with device_on_bad_line(listener_url, faults, seed=4) as device:
        device.change_settings(FEW_SETTINGS)
        heard = device.listen(pcm, on_word=told.append)
        assert device.settings()[Setting.SMOOTHING_STEPS] == 1
    assert list(heard.words) == expected == told
    assert heard.statistics.samples == len(pcm)
    assert heard.statistics.words == len(expected)
