"""Miss rate against false accepts an hour, for every setting of the detector."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from host_tools.evaluation.detector import Setting, replay
from host_tools.evaluation.hearing import Tally, match, no_tally
from host_tools.evaluation.intervals import Rate, Share, poisson_upper, rate, share
from host_tools.evaluation.program import Program
from host_tools.evaluation.streams import Renderer, Segment


@dataclass(frozen=True)
class Figures:
    """What one setting does in one stream, over all words or for one.

    Attributes:
        miss: share of the words said that were not heard.
        false_accepts: an hour.
    """

    miss: Share
    false_accepts: Rate


@dataclass(frozen=True)
class Sweep:
    """Tallies of every setting.

    Attributes:
        tallies: for each half, one a setting.
        hours: of each half.
        passes: how often the same recordings stand in them.
    """

    settings: tuple[Setting, ...]
    tallies: tuple[tuple[Tally, ...], tuple[Tally, ...]]
    hours: tuple[float, float]
    passes: float

    def figures(self, index: int, half: int | None = None, label: int | None = None) -> Figures:
        """Figures of a setting.

        Args:
            half: 0 or 1; None for both.
            label: of one word; None for all.
        """
        halves = (0, 1) if half is None else (half,)
        tally = reduce(Tally.__add__, (self.tallies[one][index] for one in halves))
        hours = sum(self.hours[one] for one in halves)
        only = slice(None) if label is None else slice(label, label + 1)
        said, hits = int(tally.spoken[only].sum()), int(tally.hits[only].sum())
        return Figures(
            miss=share(said - hits, said, self.passes),
            false_accepts=rate(int(tally.false_accepts[only].sum()), hours, self.passes),
        )

    def with_more(self, other: Sweep) -> Sweep:
        """These settings and then others, in the same stream."""
        first, second = (
            ours + theirs for ours, theirs in zip(self.tallies, other.tallies, strict=True)
        )
        return replace(self, settings=self.settings + other.settings, tallies=(first, second))

    def curve(self, smoothing_steps: int) -> list[int]:
        """Indices of the settings of one length of smoothing and one threshold, it ascending."""
        chosen = (
            i
            for i, s in enumerate(self.settings)
            if s.smoothing_steps == smoothing_steps and s.common
        )
        return sorted(chosen, key=lambda i: max(self.settings[i].threshold_q15))


def sweep(
    program: Program,
    settings: Sequence[Setting],
    renderer: Renderer,
    segments: Sequence[Segment],
    scores: Sequence[np.ndarray],
    *,
    words: Sequence[bool],
    stride_frames: int,
    passes: float,
    jobs: int,
) -> Sweep:
    """Replay recorded scores under every setting.

    Args:
        scores: int8[steps, classes] of each stretch.
        words: for each class whether it gives events.
    """
    geometry = program.geometry
    rate_hz = geometry.sample_rate_hz

    def tally(number: int) -> list[Tally]:
        spoken = renderer.spoken(segments[number])
        runs = replay(program, settings, [scores[number]])[0]
        return [
            match(
                events,
                [int(geometry.step_end_sample(event.step, stride_frames)) for event in events],
                spoken,
                words,
                rate_hz,
            )
            for events in runs
        ]

    totals = [[no_tally(len(words)) for _ in settings] for _ in (0, 1)]
    with ThreadPoolExecutor(jobs) as pool:
        for segment, found in zip(segments, pool.map(tally, range(len(segments))), strict=True):
            half = totals[segment.half]
            for index, one in enumerate(found):
                half[index] = half[index] + one
    hours = [sum(s.samples for s in segments if s.half == half) for half in (0, 1)]
    return Sweep(
        settings=tuple(settings),
        tallies=(tuple(totals[0]), tuple(totals[1])),
        hours=(hours[0] / rate_hz / 3600, hours[1] / rate_hz / 3600),
        passes=passes,
    )


@dataclass(frozen=True)
class Choice:
    """The setting that was chosen on the first half of the speakers.

    Attributes:
        index: among the settings of the sweep.
        wanted_per_hour: false accepts that were asked for.
        held_per_hour: what the audio can hold a setting to: the wanted rate, or the lowest that it
            can resolve.
        allowed_events: false accepts at which the one-sided 95 % bound is not above that.
        reached: whether a setting keeps to them; otherwise the one with the fewest was taken.
    """

    index: int
    wanted_per_hour: float
    held_per_hour: float
    allowed_events: int
    reached: bool


def choose(found: Sweep, wanted_per_hour: float, half: int = 0) -> Choice:
    """The setting that misses least among those that are surely below a rate of false accepts.

    A setting qualifies when the exact one-sided 95 % bound of its false accepts is not above the
    wanted rate, or above the lowest rate that the audio can resolve where that is greater. Of those
    that miss equally few: the fewest false accepts, then the shortest smoothing, then the highest
    threshold.
    """
    hours = found.hours[half] / found.passes
    held = max(wanted_per_hour, poisson_upper(0) / hours)
    allowed = 0
    while poisson_upper(allowed + 1) <= held * hours:
        allowed += 1
    figures = [found.figures(index, half) for index in range(len(found.settings))]
    false = [one.false_accepts.events / found.passes for one in figures]
    fitting = [index for index, events in enumerate(false) if events <= allowed]
    if not fitting:
        fitting = [index for index, events in enumerate(false) if events == min(false)]

    def merit(index: int) -> tuple[float, float, int, int]:
        one = found.settings[index]
        return (
            figures[index].miss.hits,
            false[index],
            one.smoothing_steps,
            -max(one.threshold_q15),
        )

    best = min(fitting, key=merit)
    return Choice(best, wanted_per_hour, held, allowed, false[best] <= allowed)
