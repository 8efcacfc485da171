"""What each stage takes on a board, by its own counter: percentiles over frames and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.link.twin_messages import FrontendStage
from host_tools.manifest import Manifest
from host_tools.progress import Progress
from host_tools.twin.compare import Bench, window_of
from host_tools.twin.stages import stages_of

_TIMED = {
    FrontendStage.WINDOWED: "window",
    FrontendStage.SPECTRUM: "FFT",
    FrontendStage.POWER: "power",
    FrontendStage.FEATURES: "mel, logarithm",
}
"""Stages of the front-end that take time; the energies are computed apart, for the trace alone."""


@dataclass(frozen=True)
class StageTime:
    """Ticks of one stage.

    Attributes:
        per: "frame" or "step".
        count: frames or steps that were timed.
    """

    stage: str
    per: str
    count: int
    mean: float
    p50: float
    p99: float
    most: int


@dataclass(frozen=True)
class Timing:
    """What a clip takes, stage by stage, and what listening all day takes.

    Attributes:
        unit: of the ticks, as the board says.
        ticks_hz: of them in a second of the board's clock.
        cpu_hz: the core's clock; 0 = unknown.
        ticks_per_audio_s: front-end and network without any trace, per second of audio.
        load: their share of the board's time.
    """

    unit: str
    ticks_hz: int
    cpu_hz: int
    clips: int
    stages: tuple[StageTime, ...]
    ticks_per_audio_s: float
    load: float


def measure(bench: Bench, clips: Sequence[np.ndarray], progress: Progress) -> Timing:
    """Time all frames and steps of some clips, int16[n] each."""
    manifest = bench.manifest
    frames: dict[str, list[int]] = {name: [] for name in _TIMED.values()}
    steps: dict[str, list[int]] = {}
    per_second = []
    with progress.task("Timing", total=len(clips)) as task:
        for pcm in clips:
            _time_frames(bench, pcm, frames)
            result = bench.board.run_clip(pcm)
            ticks = result.ticks_frontend_sum + result.ticks_inference
            per_second.append(ticks * _frames_per_second(manifest) / result.frames)
            _time_steps(bench, steps)
            task.advance()
    info, ticks_hz = bench.board.info(), bench.board_health.ticks_hz
    mean = float(np.mean(per_second))
    rows = [_sum_up(name, "frame", ticks) for name, ticks in frames.items()]
    rows += [_sum_up(name, "step", ticks) for name, ticks in steps.items()]
    load = mean / ticks_hz
    return Timing(info.tick_unit, ticks_hz, info.cpu_hz, len(clips), tuple(rows), mean, load)


def _frames_per_second(manifest: Manifest) -> float:
    return manifest.sample_rate_hz / manifest.hop_samples


def _time_frames(bench: Bench, pcm: np.ndarray, ticks: dict[str, list[int]]) -> None:
    for frame in range(bench.manifest.frames):
        reply, _ = bench.board.trace_window(window_of(bench, pcm, frame))
        for stage, name in _TIMED.items():
            ticks[name].append(reply.notes[stage].ticks)


def _time_steps(bench: Bench, ticks: dict[str, list[int]]) -> None:
    notes = bench.board.trace_stages(1)
    stages = stages_of(bench.manifest, bench.board_health.kernels, len(notes))
    names = [f"{s.name} {s.layer.operator}" if s.layer else s.name for s in stages]
    for number, name in enumerate(names):
        found = [note.ticks for note in bench.board.trace_steps(number)]
        ticks.setdefault(name, []).extend(found)


def _sum_up(name: str, per: str, ticks: Sequence[int]) -> StageTime:
    p50, p99 = (float(one) for one in np.percentile(ticks, [50, 99], method="higher"))
    return StageTime(name, per, len(ticks), float(np.mean(ticks)), p50, p99, int(max(ticks)))
