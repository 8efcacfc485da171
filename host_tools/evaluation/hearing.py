"""Events against what was said: hits, misses, false accepts, latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.evaluation.detector import Event
from host_tools.evaluation.streams import Spoken

TOLERANCE_S = 1.0
"""How long after a word's end its event still counts as heard."""


@dataclass(frozen=True)
class Tally:
    """Counts of a stream under one setting.

    Attributes:
        spoken: int64[classes], words said.
        hits: int64[classes], of them heard.
        false_accepts: int64[classes], events of a word where that word was not said.
        repeats: events of a word that had been heard already.
        latency_s: of every hit: from the word's end, by its energy, to the event.
    """

    spoken: np.ndarray
    hits: np.ndarray
    false_accepts: np.ndarray
    repeats: int
    latency_s: tuple[float, ...]

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.spoken + other.spoken,
            self.hits + other.hits,
            self.false_accepts + other.false_accepts,
            self.repeats + other.repeats,
            self.latency_s + other.latency_s,
        )


def no_tally(classes: int) -> Tally:
    """Nothing said, nothing heard."""
    zeros = np.zeros(classes, np.int64)
    return Tally(zeros, zeros, zeros, 0, ())


def match(
    events: Sequence[Event],
    times: Sequence[int],
    spoken: Sequence[Spoken],
    words: Sequence[bool],
    sample_rate_hz: int,
) -> Tally:
    """Hold the events of one stretch against what was said in it.

    An event belongs to the word of its class that began last, not after it and not more than
    `TOLERANCE_S` past its end. The first one is a hit; others are repeats. Every other event is a
    false accept: another word, noise or nothing was there.

    Args:
        events: of one setting, by time.
        times: sample at which each event's step was complete.
        spoken: what was said, of all labels, by time.
        words: for each class whether it gives events.
        sample_rate_hz: of the samples.
    """
    tally = no_tally(len(words))
    targets = [one for one in spoken if one.label >= 0 and words[one.label]]
    said, hits, false = (counts.copy() for counts in (tally.spoken, tally.hits, tally.spoken))
    for one in targets:
        said[one.label] += 1
    tolerance = round(TOLERANCE_S * sample_rate_hz)
    heard: set[int] = set()
    repeats = 0
    latency_s: list[float] = []
    for event, time in zip(events, times, strict=True):
        found = [
            index
            for index, one in enumerate(targets)
            if one.label == event.label and one.start <= time <= one.end + tolerance
        ]
        if not found:
            false[event.label] += 1
        elif found[-1] in heard:
            repeats += 1
        else:
            heard.add(found[-1])
            hits[event.label] += 1
            latency_s.append((time - targets[found[-1]].end) / sample_rate_hz)
    return Tally(said, hits, false, repeats, tuple(latency_s))
