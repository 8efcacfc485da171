"""Clips over a simulated line: what a soak counts, that it can fail, and that it goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from firmware_build import CLIP_SAMPLES

from host_tools import soak as soaking
from host_tools.errors import Interrupted
from host_tools.journal import Journal
from host_tools.link import codec
from host_tools.link.codec import Decoder, Frame, FrameStatus, Received, encode
from host_tools.link.faulty import Fault
from host_tools.link.messages import MessageType
from host_tools.link.simulated import SimulatedBoard
from host_tools.progress import Silent
from host_tools.soak import Amount, Bench, Line, Tally, noise_clips, plan_names, soak, turned_clips

pytest_plugins = ["link_fixtures"]

LINE = Line(probability=0.1, baud=921_600, seed=1)
CLIPS = noise_clips(CLIP_SAMPLES, seed=2)[:3]
BITS_PER_BYTE = 10


def run(program: Path, plans: list[str], journal: Journal, frames: int = 1) -> list[Tally]:
    return soak(Bench(program), CLIPS, plans, Amount(frames), LINE, journal, Silent())


def test_every_fault_strikes_and_nothing_is_lost(fake_firmware: Path, tmp_path: Path) -> None:
    with Journal(tmp_path / "journal", resume=False) as journal:
        clean, *bad = run(fake_firmware, list(plan_names()), journal)
    assert [row.plan for row in (clean, *bad)] == list(plan_names())
    assert clean.struck == {}
    assert clean.goodput(LINE.baud) > 0.95
    for row in bad:
        assert row.good
        assert set(row.struck) == ({row.plan} if row.plan != "all" else set(plan_names()[1:-1]))
        assert row.goodput(LINE.baud) < clean.goodput(LINE.baud)
        assert row.frames >= clean.frames - 2  # the last reply may be on its way
        assert row.clips == soaking.BATCH_CLIPS


def test_a_receiver_that_does_not_check_is_found_out(
    fake_firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trusting(stuffed: bytes) -> Received:
        body, _ = codec.cobs_decode(stuffed)
        header, crc = 4, 4
        if len(body) < header + crc:
            return Received(FrameStatus.BAD_SIZE)
        request = int.from_bytes(body[2:4], "little")
        return Received(FrameStatus.GOOD, Frame(body[1], request, body[header:-crc], body[0]))

    monkeypatch.setattr(codec, "judge", trusting)
    with Journal(tmp_path / "journal", resume=False) as journal:
        (row,) = run(fake_firmware, ["flip"], journal, frames=2_000)
    assert not row.good


def test_a_soak_that_broke_off_goes_on(
    fake_firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = []

    def break_off() -> None:
        with Journal(tmp_path / "journal", resume=False) as journal:
            first.extend(run(fake_firmware, ["drop"], journal))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    monkeypatch.setattr(soaking, "_run_batch", None)
    with Journal(tmp_path / "journal", resume=True) as journal:
        assert run(fake_firmware, ["drop"], journal) == first


def test_ctrl_c_ends_a_soak_after_the_batches_under_way(
    fake_firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, presses = soaking._run_batch, iter([signal.SIGINT])

    def pressing(*arguments: Any) -> Tally:
        tally = whole(*arguments)
        for press in presses:  # once
            os.kill(os.getpid(), press)  # as a terminal does: to the process
        return tally

    monkeypatch.setattr(soaking, "_run_batch", pressing)
    with (
        pytest.raises(Interrupted, match="--resume"),
        Journal(tmp_path / "journal", resume=False) as journal,
    ):
        run(fake_firmware, ["drop"], journal, frames=200_000)
    with Journal(tmp_path / "journal", resume=True) as journal:
        assert journal.entries
        assert all(entry["lost"] == 0 for entry in journal.entries)


def test_the_same_seed_gives_the_same_soak(fake_firmware: Path, tmp_path: Path) -> None:
    figures = []
    for name in ("once", "again"):
        with Journal(tmp_path / name, resume=False) as journal:
            figures.append([row.struck for row in run(fake_firmware, ["flip", "all"], journal)])
    assert figures[0] == figures[1]


def test_bytes_take_the_time_of_the_line(fake_firmware: Path) -> None:
    latency_s, baud = 0.001, 9_600
    board = SimulatedBoard(fake_firmware, baud, latency_s)
    request = encode(Frame(MessageType.INFO, 7))
    board.write(request)
    assert board.read(0.0) == b""
    reply = board.read(1.0)
    assert Decoder().feed(reply)[0].status is FrameStatus.GOOD
    on_the_line_s = BITS_PER_BYTE * (len(request) + len(reply)) / baud
    assert board.now_s() == pytest.approx(on_the_line_s + 2 * latency_s)
    board.close()
    board.close()


def test_noise_is_noise_of_the_right_length() -> None:
    assert {clip.shape for clip in CLIPS} == {(CLIP_SAMPLES,)}
    assert CLIPS[0].dtype == np.int16
    assert Fault.RESET.name.lower() in plan_names()


def test_turned_clips_are_all_different_and_of_the_same_samples() -> None:
    clips = turned_clips(CLIPS, 7)
    assert len({clip.tobytes() for clip in clips}) == len(clips) == 7
    for number, clip in enumerate(clips):
        assert sorted(clip) == sorted(CLIPS[number % 3])


def test_each_plan_gets_as_many_clips_as_wanted(fake_firmware: Path, tmp_path: Path) -> None:
    amount, plans = Amount(clips=2 * soaking.BATCH_CLIPS - 1), ["drop", "clean"]
    with Journal(tmp_path / "journal", resume=False) as journal:
        rows = soak(Bench(fake_firmware), CLIPS, plans, amount, LINE, journal, Silent())
    assert [row.clips for row in rows] == [2 * soaking.BATCH_CLIPS] * 2
    assert all(row.good for row in rows)


def test_a_line_that_carries_nothing_ends_the_soak(
    fake_firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(*arguments: Any) -> Tally:
        begun.append(arguments)
        assert len(begun) <= 2, "goes on for ever"
        return Tally("drop", 0, 9, {"drop": 9}, 0, 0, 1, None, 0, 1.0)

    begun: list[Any] = []
    monkeypatch.setattr(soaking, "_run_batch", dead)
    with Journal(tmp_path / "journal", resume=False) as journal:
        (row,) = soak(
            Bench(fake_firmware), CLIPS, ["drop"], Amount(clips=2), LINE, journal, Silent()
        )
    assert (row.clips, row.lost, row.good) == (0, 2, False)
