"""The chosen setting from the audio on: with the energy gate, and on boards over the link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol, TypeVar

import numpy as np

from host_tools.evaluation.conditions import Condition
from host_tools.evaluation.det import Figures
from host_tools.evaluation.detector import Event, Listened, Setting, Work, listen
from host_tools.evaluation.hearing import Tally, match, no_tally
from host_tools.evaluation.intervals import rate, share
from host_tools.evaluation.program import Geometry, Program
from host_tools.evaluation.streams import Renderer, Segment
from host_tools.link.listen import Heard
from host_tools.link.messages import Setting as Number

Found = TypeVar("Found")
Lent = TypeVar("Lent")


@dataclass(frozen=True)
class GateResult:
    """The reported half with the energy gate on.

    Attributes:
        network_share: inferences over those that an open gate makes.
        asleep_share: of the time.
    """

    figures: Figures
    network_share: float
    asleep_share: float


@dataclass(frozen=True)
class BoardStreams:
    """The reported half, heard by a board over the link.

    Attributes:
        hours: of audio that the board heard.
        words: that it heard in them.
        differing: stretches in which its words are not those of the host program.
    """

    condition: str
    stretches: int
    hours: float
    words: int
    differing: int
    figures: Figures


@dataclass(frozen=True)
class Ears:
    """What is needed to hear stretches and to judge the events.

    Attributes:
        words: for each class whether it gives events.
        passes: how often each recording is used.
    """

    renderer: Renderer
    condition: Condition
    geometry: Geometry
    stride_frames: int
    words: Sequence[bool]
    passes: float

    def hear(
        self, segments: Sequence[Segment], hear: Callable[[np.ndarray], Found], jobs: int
    ) -> Iterator[tuple[Segment, Found]]:
        """Each stretch and what was heard in it, in their order."""

        def one(segment: Segment) -> Found:
            return hear(self.renderer.samples(segment, self.condition))

        with ThreadPoolExecutor(jobs) as pool:
            yield from zip(segments, pool.map(one, segments), strict=True)

    def tally(self, segment: Segment, events: Sequence[Event]) -> Tally:
        """Events of a stretch against what was said in it."""
        times = [
            int(self.geometry.step_end_sample(event.step, self.stride_frames)) for event in events
        ]
        spoken = self.renderer.spoken(segment)
        return match(events, times, spoken, self.words, self.geometry.sample_rate_hz)

    def figures(self, tally: Tally, segments: Sequence[Segment]) -> Figures:
        """Of all stretches together."""
        said, hits = int(tally.spoken.sum()), int(tally.hits.sum())
        hours = sum(one.samples for one in segments) / self.geometry.sample_rate_hz / 3600
        return Figures(
            miss=share(said - hits, said, self.passes),
            false_accepts=rate(int(tally.false_accepts.sum()), hours, self.passes),
        )


def with_gate(
    program: Program,
    setting: Setting,
    gate_margin: int,
    ears: Ears,
    segments: Sequence[Segment],
    jobs: int,
) -> GateResult:
    """Hear stretches by the firmware's listener with its gate on.

    Args:
        gate_margin: in feature steps, > 0; the gate's other settings are those of the model.
    """

    def hear(pcm: np.ndarray) -> Listened:
        return listen(program, setting, [pcm], ears.stride_frames, gate_margin)[0]

    total = no_tally(len(ears.words))
    works: list[Work] = []
    for segment, heard in ears.hear(segments, hear, jobs):
        total = total + ears.tally(segment, heard.events)
        works.append(heard.work)
    steps = sum(one.steps for one in works)
    expected = sum(_open_invokes(one, ears.geometry) for one in works)
    return GateResult(
        figures=ears.figures(total, segments),
        network_share=sum(one.invokes for one in works) / expected,
        asleep_share=sum(one.steps_skipped for one in works) / steps,
    )


class ListeningDevice(Protocol):
    """What is needed of a `Device`."""

    def change_settings(self, changes: Mapping[int, int]) -> None:
        """See Device."""

    def listen(self, pcm: np.ndarray) -> Heard:
        """See Device."""


def on_boards(
    devices: Sequence[ListeningDevice],
    program: Program,
    setting: Setting,
    ears: Ears,
    segments: Sequence[Segment],
) -> BoardStreams:
    """Let boards hear stretches in their listening mode, and hold them against the host program."""
    free: SimpleQueue[ListeningDevice] = SimpleQueue()
    for device in devices:
        device.change_settings(numbers_of(setting, ears.stride_frames))
        free.put(device)

    def hear(pcm: np.ndarray) -> tuple[list[Event], bool]:
        with borrowed(free) as device:
            events = _events(device.listen(pcm), ears.geometry, ears.stride_frames)
        on_host = listen(program, setting, [pcm], ears.stride_frames)[0].events
        return events, events == on_host

    total, words, differing = no_tally(len(ears.words)), 0, 0
    for segment, (events, same) in ears.hear(segments, hear, len(devices)):
        total = total + ears.tally(segment, events)
        words += len(events)
        differing += not same
    figures = ears.figures(total, segments)
    hours = figures.false_accepts.hours
    return BoardStreams(ears.condition.name, len(segments), hours, words, differing, figures)


def numbers_of(setting: Setting, stride_frames: int) -> dict[int, int]:
    """A setting as a board counts it, by number; the gate open."""
    numbers: dict[int, int] = {
        Number.STRIDE_FRAMES: stride_frames,
        Number.SMOOTHING_STEPS: setting.smoothing_steps,
        Number.REFRACTORY_STEPS: setting.refractory_steps,
        Number.HYSTERESIS_Q15: setting.hysteresis_q15,
        Number.GATE_MARGIN: 0,
    }
    thresholds = {Number.THRESHOLD_Q15 + c: value for c, value in enumerate(setting.threshold_q15)}
    return {**numbers, **thresholds}


def _events(heard: Heard, geometry: Geometry, stride_frames: int) -> list[Event]:
    """A board's words by step: it tells the sample at which the step was complete."""
    first = int(geometry.step_end_sample(0, stride_frames))
    step_samples = stride_frames * geometry.hop_samples
    return [
        Event((word.sample - first) // step_samples, word.label, word.average_q15)
        for word in heard.words
    ]


def _open_invokes(work: Work, geometry: Geometry) -> int:
    """Inferences with an open gate: one a step, and those before the first whole window."""
    warming = geometry.window_frames // geometry.frames - 1
    return work.steps + warming


@contextmanager
def borrowed(free: SimpleQueue[Lent]) -> Iterator[Lent]:
    """One of those that are free, until the block ends."""
    one = free.get()
    try:
        yield one
    finally:
        free.put(one)
