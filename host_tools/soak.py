"""Many frames over a bad line: is anything lost, delivered twice, or accepted corrupt?

The firmware runs in lockstep with a simulated line (`host_tools.link.simulated`), so nothing waits
and a seed repeats everything. Clips go to it as they go to any board; what it answers must be what
it answers on a good line. An emulated board takes its place on request, in real time.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np

from host_tools.boards import Board
from host_tools.emulator import start
from host_tools.errors import Interrupted, SottoError
from host_tools.journal import Journal
from host_tools.link.device import Device
from host_tools.link.exchange import LinkTiming
from host_tools.link.faulty import LINE_FAULTS, Fault, FaultPlan, FaultyTransport
from host_tools.link.messages import ClipResult
from host_tools.link.simulated import SimulatedBoard
from host_tools.link.transport import SocketTransport, Transport
from host_tools.progress import Progress

CLEAN, ALL = "clean", "all"
BATCH_CLIPS = 20
_ANSWER_TIMEOUT_S = 0.05
"""Beside what the window takes on the line; shorter than a stall, so that late answers meet
repeated requests."""
_ATTEMPTS = 200
_WINDOW_BYTES = 4096
"""Of the firmware that was built for `host`."""
_RESET_SHARE = 0.1
"""Restarts are so much rarer than other faults: each one begins its clip anew."""
_BITS_PER_BYTE = 10
_NOISE_CLIPS = 64
_NOISE_PEAK = 20_000

Answer = tuple[int, tuple[int, ...], int]
"""CRC-32 of the features, scores, decision."""


@dataclass(frozen=True)
class Line:
    """The line under test.

    Attributes:
        probability: chance that a fault strikes a chunk, in either direction.
        baud: rate of the simulated serial line.
        seed: of the faults.
    """

    probability: float
    baud: int
    seed: int

    @property
    def timing(self) -> LinkTiming:
        """How patient the host is."""
        window_s = _WINDOW_BYTES * _BITS_PER_BYTE / self.baud
        return LinkTiming(_ANSWER_TIMEOUT_S + window_s, _ATTEMPTS)


@dataclass(frozen=True)
class Bench:
    """Who answers.

    Attributes:
        twin: the firmware, built for `host`: what it answers on a good line is expected.
        board: an emulated one that the clips go to; None: the twin, in lockstep with the line.
        elf: of the board.
    """

    twin: Path
    board: Board | None = None
    elf: Path | None = None

    @contextmanager
    def connected(self, baud: int) -> Iterator[Transport]:
        """A line to what has just started, and ends with the block."""
        if self.board is None or self.elf is None:
            yield SimulatedBoard(self.twin, baud)
        else:
            with start(self.board, self.elf) as running:
                yield SocketTransport(running.url)


@dataclass(frozen=True)
class Amount:
    """What every plan gets at least: so many frames, or clips."""

    frames: int = 0
    clips: int = 0

    @property
    def wanted(self) -> int:
        """Of what is counted."""
        return self.clips or self.frames

    def of(self, tally: Tally) -> int:
        """What some clips count; lost ones too, or a line that carries nothing would never end."""
        return tally.clips + tally.lost if self.clips else tally.frames


@dataclass(frozen=True)
class Tally:
    """What some clips on one line gave.

    Attributes:
        plan: name of a fault, `all`, or `clean`.
        frames: sent by either side.
        struck: faults, by name.
        rejected: damaged frames that the receivers saw and refused; the board's are not known
            where it restarts.
        wrong: clips whose answer is another than on a good line.
        lost: clips without an answer; each ends its batch.
        twice: clips that the board computed more often than they were sent; None where it restarts
            and forgets to count.
        audio_bytes: delivered.
        line_s: seconds of the line: simulated ones, or an emulated board's real ones.
    """

    plan: str
    clips: int
    frames: int
    struck: dict[str, int]
    rejected: int
    wrong: int
    lost: int
    twice: int | None
    audio_bytes: int
    line_s: float

    @property
    def good(self) -> bool:
        """Nothing lost, nothing twice, nothing corrupt accepted."""
        return not (self.wrong or self.lost or self.twice)

    def goodput(self, baud: int) -> float:
        """Audio delivered as a share of what the line could carry."""
        return self.audio_bytes / (self.line_s * baud / _BITS_PER_BYTE)


def noise_clips(samples: int, seed: int) -> list[np.ndarray]:
    """Clips int16[samples] of noise, for a soak without recordings: the link does not care."""
    rng = np.random.default_rng(seed)
    shape = (_NOISE_CLIPS, samples)
    return list(rng.integers(-_NOISE_PEAK, _NOISE_PEAK, shape, dtype=np.int16))


def faults_of(board: Board | None) -> tuple[Fault, ...]:
    """What can happen: nobody presses the reset button of an emulated board."""
    return tuple(Fault) if board is None else LINE_FAULTS


def plan_names(board: Board | None = None) -> tuple[str, ...]:
    """A good line, each fault alone, all of them."""
    return (CLEAN, *(fault.name.lower() for fault in faults_of(board)), ALL)


def turned_clips(recordings: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """`count` different clips: the recordings, then the same turned round in time, round by round.

    Each round begins a recording elsewhere, and what stood before that comes last.
    """
    rounds = -(-count // len(recordings))
    step = len(recordings[0]) // rounds
    return [
        np.roll(recordings[number % len(recordings)], number // len(recordings) * step)
        for number in range(count)
    ]


def soak(
    bench: Bench,
    clips: Sequence[np.ndarray],
    plans: Sequence[str],
    amount: Amount,
    line: Line,
    journal: Journal,
    progress: Progress,
) -> list[Tally]:
    """Send clips until every plan has had its amount.

    Args:
        clips: int16[clip_samples] each; used again and again.
        plans: of `plan_names(bench.board)`.
        line: what the clips go over.
        journal: batches that are done already, and those that follow.
        progress: shows what is counted.

    Returns:
        one for each plan, in order.

    Raises:
        Interrupted: Ctrl-C; finished batches are in the journal.
    """
    done = [Tally(**entry) for entry in journal.entries]
    expected = []
    with (
        progress.task("expected answers", total=len(clips)) as task,
        Device(SimulatedBoard(bench.twin, line.baud), line.timing) as device,
    ):
        for clip in clips:
            expected.append(_answer(device.run_clip(clip)))
            task.advance()
    lock, stop = Lock(), Event()
    with (
        progress.task("soaking", total=amount.wanted * len(plans)) as task,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        task.advance(sum(map(amount.of, done)))

        def run(plan: str) -> list[Tally]:
            mine = [batch for batch in done if batch.plan == plan]
            while not stop.is_set() and sum(map(amount.of, mine)) < amount.wanted:
                mine.append(_run_batch(bench, plan, len(mine), line, clips, expected))
                with lock:
                    journal.append(asdict(mine[-1]))
                task.advance(amount.of(mine[-1]))
            return mine

        try:
            return [_sum(batches) for batches in pool.map(run, plans)]
        except KeyboardInterrupt:
            raise Interrupted("interrupted; the same command with --resume goes on") from None
        finally:
            stop.set()


def fault_plan(name: str, probability: float, faults: Sequence[Fault]) -> FaultPlan:
    """What a plan of `plan_names` does to a direction; `faults` are those of ALL."""
    if name == CLEAN:
        return FaultPlan()
    if name == ALL:
        return FaultPlan(faults, probability)
    fault = Fault[name.upper()]
    return FaultPlan((fault,), probability * (_RESET_SHARE if fault is Fault.RESET else 1.0))


def _run_batch(
    bench: Bench,
    plan: str,
    number: int,
    line: Line,
    clips: Sequence[np.ndarray],
    expected: Sequence[Answer],
) -> Tally:
    faults = fault_plan(plan, line.probability, faults_of(bench.board))
    rng = random.Random(f"{line.seed} {plan} {number}")
    count = wrong = lost = 0
    twice: int | None = None
    rejected = 0
    with bench.connected(line.baud) as inner:
        transport = FaultyTransport(inner, rng, faults, faults)
        began_s = transport.now_s()
        with Device(transport, line.timing) as device:
            try:
                for index in _indices(number, len(clips)):
                    answer = _answer(device.run_clip(clips[index]))
                    wrong += answer != expected[index]
                    count += 1
                info = device.info()
            except SottoError:
                lost = 1
            else:
                rejected = info.frames_corrupt
                if Fault.RESET not in faults.faults:
                    twice = info.clips_completed - count
            rejected += device.frames_corrupt
    return Tally(
        plan=plan,
        clips=count,
        frames=transport.chunks,
        struck={fault.name.lower(): times for fault, times in transport.struck.items()},
        rejected=rejected,
        wrong=wrong,
        lost=lost,
        twice=twice,
        audio_bytes=count * clips[0].nbytes,
        line_s=transport.now_s() - began_s,
    )


def _indices(batch: int, clips: int) -> Iterator[int]:
    return ((batch * BATCH_CLIPS + place) % clips for place in range(BATCH_CLIPS))


def _answer(result: ClipResult) -> Answer:
    return result.features_crc32, tuple(result.scores), result.decision


def _sum(batches: Sequence[Tally]) -> Tally:
    """All batches of one plan."""
    struck: Counter[str] = Counter()
    for batch in batches:
        struck.update(batch.struck)
    counted = [batch.twice for batch in batches if batch.twice is not None]
    names = ("clips", "frames", "rejected", "wrong", "lost", "audio_bytes", "line_s")
    sums = {name: sum(getattr(batch, name) for batch in batches) for name in names}
    return Tally(
        plan=batches[0].plan,
        struck=dict(struck),
        twice=sum(counted) if counted else None,
        **sums,
    )


def to_json(bench: Bench, plans: Sequence[Tally], line: Line) -> dict[str, Any]:
    """The document of `--json`."""
    return {
        "board": None if bench.board is None else bench.board.name,
        "line": asdict(line),
        "frames": sum(one.frames for one in plans),
        "clips": sum(one.clips for one in plans),
        "good": all(one.good for one in plans),
        "plans": [
            asdict(one)
            | {"good": one.good, "goodput": one.goodput(line.baud) if bench.board is None else None}
            for one in plans
        ],
    }
