"""The benchmark's two runs: accuracy over all inputs, and inferences a second."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from host_tools.mlperf.dataset import Sample
from host_tools.mlperf.monitor import ANSWER_TIMEOUT_S, Identity, Inferences, Monitor
from host_tools.progress import Progress
from host_tools.statistics import wilson_interval

WINDOWS = 5
"""Measurements of the performance run, each of another input; the median counts."""
WARMUPS = 10
WINDOW_S = 10.0
"""The benchmark's least time of one measurement."""
WINDOW_MARGIN = 1.05
EMULATED_INFERENCES = 10
EMULATED_WARMUPS = 1
MOST_INFERENCES = 100_000
PATIENCE = 20.0
"""Times that a board may take longer than its clock says: an emulator's runs at its own speed."""

REAL_CLOCKS = {"cycles", "microseconds", "nanoseconds"}
"""Tick units of clocks that tell real time: a chip's and this computer's."""


@dataclass(frozen=True)
class Answer:
    """What a board and the same firmware on this computer made of one input."""

    name: str
    label: int
    decision: int
    results: str
    host_results: str


@dataclass(frozen=True)
class Window:
    """One measurement of performance."""

    input: str
    inferences: int
    elapsed_us: int

    @property
    def inferences_per_s(self) -> float:
        """By the board's clock; 0 where that did not move."""
        return self.inferences * 1e6 / self.elapsed_us if self.elapsed_us else 0.0


@dataclass(frozen=True)
class Outcome:
    """All figures of a run.

    Attributes:
        same_results: inputs with exactly the host's results.
        first_difference: the first other one.
        is_measurement: the clock tells real time, so the speed is one.
        long_enough: every window took the time that the benchmark asks for.
    """

    identity: Identity
    clips: int
    correct: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    same_results: int
    first_difference: Answer | None
    windows: tuple[Window, ...]
    median_inferences_per_s: float
    is_measurement: bool
    long_enough: bool

    @property
    def identical(self) -> bool:
        """Board and host gave the same results for every input."""
        return self.same_results == self.clips

    def to_json(self) -> dict[str, Any]:
        """The document that `sotto mlperf --json` prints."""
        windows = [
            asdict(window) | {"inferences_per_s": window.inferences_per_s}
            for window in self.windows
        ]
        return asdict(self) | {"windows": windows}


def run_accuracy(
    board: Monitor, host: Monitor, samples: Sequence[Sample], progress: Progress
) -> list[Answer]:
    """One inference of each input on the board and on this computer."""
    answers = []
    correct = 0
    with progress.task("Accuracy", total=len(samples)) as task:
        for sample in samples:
            found = _infer_once(board, sample)
            answers.append(
                Answer(
                    sample.name,
                    sample.label,
                    found.decision,
                    found.results,
                    _infer_once(host, sample).results,
                )
            )
            correct += found.decision == sample.label
            task.advance(detail=f"{correct / len(answers):.1%}")
    return answers


def _infer_once(monitor: Monitor, sample: Sample) -> Inferences:
    monitor.load(sample.data)
    return monitor.infer(1, 0)


def run_performance(
    board: Monitor,
    samples: Sequence[Sample],
    real_clock: bool,
    inferences: int | None,
    progress: Progress,
) -> tuple[Window, ...]:
    """Measure the first inputs, each for as long as the benchmark asks.

    Args:
        real_clock: the board's clock tells real time; else a few inferences must do.
        inferences: of each measurement, in place of the count that follows from that.
    """
    windows = []
    warmups = WARMUPS if real_clock else EMULATED_WARMUPS
    with progress.task("Performance", total=WINDOWS) as task:
        for number in range(WINDOWS):
            sample = samples[number % len(samples)]
            board.load(sample.data)
            one_us = board.infer(1, 0).elapsed_us
            count = inferences or (_count(one_us) if real_clock else EMULATED_INFERENCES)
            expected_s = (count + warmups) * one_us / 1e6
            found = board.infer(count, warmups, ANSWER_TIMEOUT_S + PATIENCE * expected_s)
            windows.append(Window(sample.name, count, found.elapsed_us))
            task.advance(detail=f"{windows[-1].inferences_per_s:,.1f} inferences/s")
    return tuple(windows)


def _count(one_us: int) -> int:
    wanted = math.ceil(WINDOW_S * WINDOW_MARGIN * 1e6 / max(1, one_us))
    return min(wanted, MOST_INFERENCES)


def has_real_clock(identity: Identity) -> bool:
    """Firmware of somebody else is believed: the benchmark's rules ask for a real clock."""
    return identity.tick_unit is None or identity.tick_unit in REAL_CLOCKS


def sum_up(identity: Identity, answers: Sequence[Answer], windows: Sequence[Window]) -> Outcome:
    """Figures of at least one answer and one window."""
    correct = sum(answer.decision == answer.label for answer in answers)
    low, high = wilson_interval(correct, len(answers))
    others = [answer for answer in answers if answer.results != answer.host_results]
    return Outcome(
        identity=identity,
        clips=len(answers),
        correct=correct,
        accuracy=correct / len(answers),
        accuracy_low=low,
        accuracy_high=high,
        same_results=len(answers) - len(others),
        first_difference=others[0] if others else None,
        windows=tuple(windows),
        median_inferences_per_s=statistics.median(w.inferences_per_s for w in windows),
        is_measurement=has_real_clock(identity),
        long_enough=all(window.elapsed_us >= WINDOW_S * 1e6 for window in windows),
    )
