"""Recordings in pieces: kept when interrupted, gone on with, joined with their losses."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import soundfile

from host_tools.errors import SottoError
from host_tools.link.capture import Capture, Counters
from host_tools.microphone.recording import Losses, PieceFolder, record
from host_tools.progress import Silent

RATE_HZ = 1_000
"""Low, so that a piece of ten seconds is a small one."""


class FakeCapture:
    """A capture that gives blocks of 700 samples, loses 3 between them, and may be interrupted."""

    def __init__(self, interrupt_after: int = 1_000) -> None:
        self.counters = Counters()
        self.left = interrupt_after

    def words(self) -> list[object]:
        return []

    def samples(self) -> np.ndarray:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        first = self.counters.captured
        self.counters.captured += 700
        self.counters.lost_on_link += 3
        self.counters.lost_on_board += 1
        self.counters.offset = -5
        return np.arange(first, first + 700).astype(np.int16)


def run(folder: PieceFolder, capture: FakeCapture, wanted: int) -> None:
    with Silent().task("", 1) as task:
        record(cast(Capture, capture), folder, wanted, task)


def test_an_interrupted_recording_goes_on_and_ends_whole(tmp_path: Path) -> None:
    out = tmp_path / "heard.wav"
    with pytest.raises(KeyboardInterrupt):
        run(PieceFolder(out, RATE_HZ), FakeCapture(interrupt_after=20), 21_000)
    assert not out.exists()
    again = PieceFolder(out, RATE_HZ)
    assert again.samples == 14_000
    run(again, FakeCapture(), 21_000)
    recording = again.join()
    samples, rate_hz = soundfile.read(out, dtype="int16")
    assert (samples.size, rate_hz) == (21_000, RATE_HZ)
    np.testing.assert_array_equal(samples[:14_000], np.arange(14_000).astype(np.int16))
    np.testing.assert_array_equal(samples[14_000:], np.arange(7_000).astype(np.int16))
    np.testing.assert_array_equal(recording.samples, samples)
    assert recording.losses == Losses(on_board=30, on_link=90, at_limit=0, offset=-5)
    assert list(tmp_path.iterdir()) == [out]


def test_the_last_block_is_cut_to_the_length_asked_for(tmp_path: Path) -> None:
    folder = PieceFolder(tmp_path / "heard.wav", RATE_HZ)
    run(folder, FakeCapture(), 1_000)
    assert folder.join().samples.size == 1_000


def test_pieces_of_another_rate_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "heard.wav"
    PieceFolder(out, RATE_HZ).add(np.zeros(10, np.int16), Losses())
    with pytest.raises(SottoError, match="samples a second"):
        PieceFolder(out, 2 * RATE_HZ)
