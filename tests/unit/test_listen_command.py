"""What `sotto listen` takes as a source of sound."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from host_tools.commands._microphone import gain_q8
from host_tools.commands.listen import _blocks, command, paced
from host_tools.errors import SottoError


def test_raw_samples_of_a_pipe_come_whole() -> None:
    samples = np.arange(-300, 300, dtype=np.int16)
    data = samples.astype("<i2").tobytes()
    reader, writer = os.pipe()
    found = _blocks(reader)
    os.write(writer, data[:333])
    first = next(found)
    os.write(writer, data[333:] + b"x")  # half a sample at the end is none
    os.close(writer)
    np.testing.assert_array_equal(np.concatenate([first, *found]), samples)
    os.close(reader)


def test_one_source_of_sound_is_needed() -> None:
    with pytest.raises(SottoError, match="one source of sound"):
        command()
    with pytest.raises(SottoError, match="one source of sound"):
        command(microphone=True, from_board_mic=Path("heard.wav"))


def test_a_live_source_sets_the_pace() -> None:
    with pytest.raises(SottoError, match="--real-time is for files"):
        command([Path("-")], real_time=True)


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    with pytest.raises(SottoError, match="holds no recording"):
        command([tmp_path])


class Clock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 5.0

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


def test_no_block_is_played_before_it_would_have_been_spoken() -> None:
    clock = Clock()
    pcm = np.arange(25, dtype=np.int16)
    blocks = paced(pcm, 8, 8, now_s=lambda: clock.now_s, wait=clock.wait)
    found = []
    for block, board_s in zip(blocks, (0.25, 2.0, 0.25, 0.0), strict=True):
        found.append((clock.now_s, block))
        clock.wait(board_s)  # the board takes long for the second one
    assert [when for when, _ in found] == [6.0, 7.0, 9.0, 9.25]
    np.testing.assert_array_equal(np.concatenate([block for _, block in found]), pcm)


@pytest.mark.parametrize(("gain_db", "expected"), [(None, 0), (0.0, 256), (24.0, 4_057)])
def test_gain_is_taken_in_decibels(gain_db: float | None, expected: int) -> None:
    assert gain_q8(gain_db) == expected


@pytest.mark.parametrize("gain_db", [-60.0, 49.0])
def test_gains_that_no_board_has_are_refused(gain_db: float) -> None:
    with pytest.raises(SottoError, match="a gain of"):
        gain_q8(gain_db)
