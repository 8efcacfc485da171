"""The board listens to its own microphone: words, samples, counters, and what gets lost."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fake_listener import many_sounds, plain_listener, plain_words
from firmware_build import running

from host_tools.errors import SottoError
from host_tools.link.capture import Capture
from host_tools.link.device import Device
from host_tools.link.exchange import LinkTiming
from host_tools.link.faulty import Fault, FaultPlan, FaultyTransport
from host_tools.link.listen_messages import HeardWord
from host_tools.link.microphone_messages import UNITY_GAIN_Q8, CaptureChoice
from host_tools.link.transport import open_transport

pytest_plugins = ["link_fixtures"]

KEPT = 8_192
"""SOTTO_CAPTURE_SAMPLES"""
FAULTS = (Fault.DROP, Fault.DUPLICATE, Fault.REORDER, Fault.FLIP, Fault.INSERT, Fault.TRUNCATE)
BOTH = CaptureChoice.LISTENS | CaptureChoice.FED


def levelled(pcm: np.ndarray, gain_q8: int = UNITY_GAIN_Q8) -> np.ndarray:
    """What the board makes of a microphone's samples (sotto/level.h)."""
    mean_q15, out = 0, []
    for sample in pcm.tolist():
        out.append(sample - max(-32_768, min(32_767, (mean_q15 + (1 << 14)) >> 15)))
        mean_q15 += (sample * (1 << 15) - mean_q15) >> 8
    passed = np.clip(out, -32_768, 32_767)
    return np.clip((passed * gain_q8 + 128) >> 8, -32_768, 32_767).astype(np.int16)


def fed(
    capture: Capture, pcm: np.ndarray, block: int = 4_000
) -> tuple[list[HeardWord], np.ndarray]:
    """Feed a recording and ask as often as a host would: words and samples."""
    words: list[HeardWord] = []
    samples = np.empty(0, np.int16)
    for first in range(0, len(pcm), block):
        end = min(first + block, len(pcm))
        capture.feed(pcm[first:end])
        words += [word.heard for word in capture.words()]
        while samples.size < end:
            samples = np.concatenate([samples, capture.samples()])
    return words, samples


def test_fed_samples_are_levelled_kept_and_heard(listener: Device) -> None:
    pcm = many_sounds(4.0) // 2 + 700
    expected = levelled(pcm)
    with listener.capture().begin(choices=BOTH) as capture:
        words, samples = fed(capture, pcm)
        counters = capture.counters
    np.testing.assert_array_equal(samples, expected)
    assert words == plain_words(plain_listener(), expected) != []
    assert (counters.captured, counters.lost_on_link, counters.lost_on_board) == (len(pcm), 0, 0)
    assert counters.offset == pytest.approx(700, abs=400)


def test_gain_is_the_hosts_choice_and_clipping_is_counted(listener: Device) -> None:
    pcm = many_sounds(1.0)
    with listener.capture().begin(gain_q8=2_000, choices=CaptureChoice.FED) as capture:
        words, samples = fed(capture, pcm)
        assert capture.counters.gain_q8 == 2_000
    expected = levelled(pcm, 2_000)
    np.testing.assert_array_equal(samples, expected)
    limits = np.count_nonzero((expected == 32_767) | (expected == -32_768))
    assert capture.counters.at_limit == limits > 0
    assert words == []  # nobody asked it to listen


def test_samples_that_nobody_fetched_are_counted_and_the_rest_is_whole(listener: Device) -> None:
    pcm = many_sounds(1.5)
    with listener.capture().begin(choices=BOTH) as capture:
        capture.feed(pcm[:4_000])
        first = capture.samples()
        capture.feed(pcm[4_000:])
        rest = capture.samples()
    expected = levelled(pcm)
    np.testing.assert_array_equal(first, expected[:4_000])
    np.testing.assert_array_equal(rest, expected[-KEPT:])
    assert capture.counters.lost_on_link == len(pcm) - 4_000 - KEPT


def test_words_that_nobody_fetched_are_counted_and_hold_nothing_back(listener: Device) -> None:
    listener.change_settings({1: 1, 2: 1, 3: 0, 4: 0})
    pcm = many_sounds(6.0)
    with listener.capture().begin(choices=BOTH) as capture:
        capture.feed(pcm)
        words = capture.words()
    assert len(words) == 16
    assert capture.counters.words_lost > 0
    assert capture.counters.captured == len(pcm)
    assert all(0 < word.late_samples < len(pcm) for word in words)


def test_a_bad_line_changes_nothing(listener_url: str) -> None:
    pcm = many_sounds(1.2)
    plan = FaultPlan(FAULTS, probability=0.15)
    transport = FaultyTransport(open_transport(listener_url), random.Random(11), plan, plan)
    timing = LinkTiming(answer_timeout_s=0.05, attempts=200)
    with Device(transport, timing) as device:
        capture = device.capture().begin(choices=BOTH)
        words, samples = fed(capture, pcm)
    expected = levelled(pcm)
    np.testing.assert_array_equal(samples, expected)
    assert words == plain_words(plain_listener(), expected)


def test_a_board_without_a_microphone_says_so(listener: Device) -> None:
    assert listener.microphone().name == ""
    with pytest.raises(SottoError, match="has no microphone"):
        listener.capture().begin()


def test_a_clip_ends_the_listening_and_the_host_is_told(listener: Device) -> None:
    capture = listener.capture().begin(choices=BOTH)
    listener.listen(many_sounds(0.5))
    with pytest.raises(SottoError, match="listens no more"):
        capture.words()


def test_a_restarted_board_is_noticed(listener: Device) -> None:
    capture = listener.capture().begin(choices=BOTH)
    capture.feed(many_sounds(0.2))
    listener.reset()
    with pytest.raises(SottoError, match="restarted"):
        capture.words()


@contextmanager
def hearing(program: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    monkeypatch.setenv("SOTTO_MICROPHONE", str(source))
    with running(program) as url, Device.open(url) as device:
        yield device


def test_a_pipe_is_heard_from_its_first_to_its_last_sample(
    listening_firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "microphone"
    os.mkfifo(pipe)
    pcm = many_sounds(3.0)
    data, samples, words = pcm.tobytes(), np.empty(0, np.int16), []
    with hearing(listening_firmware, pipe, monkeypatch) as device:
        assert device.microphone().sample_rate_hz == 16_000
        with device.capture().begin() as capture, pipe.open("wb", buffering=0) as writer:
            for first in range(0, len(data), 4_001):  # also halves of samples
                writer.write(data[first : first + 4_001])
                while samples.size < min(first + 4_001, len(data)) // 2:
                    samples = np.concatenate([samples, capture.samples()])
                words += [word.heard for word in capture.words()]
    expected = levelled(pcm)
    np.testing.assert_array_equal(samples, expected)
    assert words == plain_words(plain_listener(), expected) != []
