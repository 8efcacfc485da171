"""Settings of the detector, and its events over recorded scores, computed by the deployed C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from host_tools.evaluation.program import Program, counted, run_program

ONE_Q15 = 32_768
REFRACTORY_S = 1.0
HYSTERESIS = 0.1
"""How far below its threshold an average must fall before its word can be heard again; half of the
threshold where that is less."""

SMOOTHING_S = (0.0, 0.1, 0.2, 0.4, 0.6)
"""Lengths of the average that are tried; 0 is one step."""

THRESHOLD_LOGITS = (-3.0, 10.0)
THRESHOLDS = 40
"""Thresholds are spaced evenly in the logit of the posterior, dense near 1."""

_EVENT = np.dtype([("step", "<u4"), ("label", "<u2"), ("average_q15", "<u2")])
_END = 0xFFFF_FFFF


@dataclass(frozen=True)
class Setting:
    """When an average of posteriors is an event; units as in sotto/detect.h.

    Attributes:
        threshold_q15: one a class; 0 for a class that gives no events.
    """

    smoothing_steps: int
    refractory_steps: int
    hysteresis_q15: int
    threshold_q15: tuple[int, ...]

    @property
    def common(self) -> bool:
        """Whether all words have one threshold."""
        return len(set(self.threshold_q15) - {0}) == 1


@dataclass(frozen=True)
class Event:
    """A word that the detector heard; `step` counts from the beginning of its recording."""

    step: int
    label: int
    average_q15: int


def is_word(label: str) -> bool:
    """Whether a class gives events: `_unknown_` and `_silence_` do not."""
    return not label.startswith("_")


def setting(
    labels: Sequence[str], threshold_q15: int, smoothing_s: float, step_s: float
) -> Setting:
    """One threshold for all words."""
    return Setting(
        smoothing_steps=max(1, round(smoothing_s / step_s)),
        refractory_steps=round(REFRACTORY_S / step_s),
        hysteresis_q15=min(threshold_q15 // 2, round(HYSTERESIS * ONE_Q15)),
        threshold_q15=tuple(threshold_q15 if is_word(label) else 0 for label in labels),
    )


def thresholds_q15() -> list[int]:
    """The thresholds of a sweep, ascending, all different."""
    logits = np.linspace(*THRESHOLD_LOGITS, THRESHOLDS)
    posteriors = 1.0 / (1.0 + np.exp(-logits))
    return sorted({round(ONE_Q15 * float(p)) for p in posteriors} - {0})


def grid(labels: Sequence[str], step_s: float) -> list[Setting]:
    """Every length of smoothing at every threshold, shortest first, thresholds ascending."""
    lengths = {max(1, round(seconds / step_s)) for seconds in SMOOTHING_S}
    return [
        setting(labels, threshold, steps * step_s, step_s)
        for steps in sorted(lengths)
        for threshold in thresholds_q15()
    ]


def replay(
    program: Program, settings: Sequence[Setting], recordings: Sequence[np.ndarray]
) -> list[list[list[Event]]]:
    """Events by recording and setting, from scores int8[steps, classes]."""
    request = _request(settings) + b"".join(map(counted, recordings))
    runs = _runs(run_program(program.path, ["replay"], request))
    return [runs[first : first + len(settings)] for first in range(0, len(runs), len(settings))]


@dataclass(frozen=True)
class Work:
    """How much of a recording the listener let the network hear.

    Attributes:
        steps: of the detector.
        steps_skipped: of them, those that the gate slept through.
        invokes: inferences, those before the first step included.
    """

    frames: int
    steps: int
    steps_skipped: int
    invokes: int


@dataclass(frozen=True)
class Listened:
    """One recording through the listener."""

    events: list[Event]
    work: Work


def listen(
    program: Program,
    one: Setting,
    recordings: Sequence[np.ndarray],
    stride_frames: int,
    gate_margin: int = 0,
) -> list[Listened]:
    """Events of each recording int16[n], by the firmware's listener from the audio on.

    Args:
        gate_margin: of the energy gate, in feature steps; 0 leaves it open.
    """
    request = _request([one]) + b"".join(map(counted, recordings))
    arguments = ["listen", str(stride_frames), str(gate_margin)]
    answer = run_program(program.path, arguments, request)
    heard, position = [], 0
    for _ in recordings:
        rows = np.frombuffer(answer, _EVENT, offset=position)
        count = int(np.argmax(rows["step"] == _END))
        position += (count + 1) * _EVENT.itemsize
        work = Work(*map(int, np.frombuffer(answer, "<u4", len(fields(Work)), position)))
        position += 4 * len(fields(Work))
        heard.append(Listened(_events(rows[:count]), work))
    return heard


def _request(settings: Sequence[Setting]) -> bytes:
    rows = [
        (s.smoothing_steps, s.refractory_steps, s.hysteresis_q15, *s.threshold_q15)
        for s in settings
    ]
    return counted(np.array(rows, np.uint16))


def _runs(answer: bytes) -> list[list[Event]]:
    """Events between the end marks."""
    found = np.frombuffer(answer, _EVENT)
    ends = np.flatnonzero(found["step"] == _END)
    starts = np.concatenate(([0], ends[:-1] + 1)) if ends.size else ends
    return [_events(found[start:end]) for start, end in zip(starts, ends, strict=True)]


def _events(rows: np.ndarray) -> list[Event]:
    return [Event(*map(int, row)) for row in rows.tolist()]
