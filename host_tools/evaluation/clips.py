"""How many single clips a model hears right, in each condition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.evaluation.intervals import Share, share
from host_tools.evaluation.recordings import Recording

WORST_SPEAKERS = 5
LEAST_SPEAKER_CLIPS = 5
"""A speaker with fewer clips is not named: one slip would make it the worst."""


@dataclass(frozen=True)
class SpeakerShare:
    """How well one speaker is heard."""

    speaker: str
    accuracy: Share


@dataclass(frozen=True)
class ClipResult:
    """Figures of one condition.

    Attributes:
        decisions: class heard in each clip, in the order of the recordings.
        confusion: counts[said][heard].
        per_word: by class; no trials where a class has no clip.
        speakers: how many are known.
        worst_speakers: lowest accuracy first, only speakers that were misheard at all.
    """

    condition: str
    accuracy: Share
    decisions: tuple[int, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_word: tuple[Share, ...]
    speakers: int
    worst_speakers: tuple[SpeakerShare, ...]


def decide(scores: np.ndarray) -> np.ndarray:
    """Index of the greatest of scores[n, classes], the lowest on ties, as the firmware decides."""
    return np.argmax(scores, axis=1)


def sum_up_clips(
    condition: str, recordings: Sequence[Recording], decisions: np.ndarray, classes: int
) -> ClipResult:
    """Count one condition.

    Args:
        recordings: at least one, each of a class of the model.
        decisions: int[recordings].
    """
    counts = np.zeros((classes, classes), np.int64)
    for one, decision in zip(recordings, decisions, strict=True):
        counts[one.label, decision] += 1
    by_speaker: dict[str, list[bool]] = defaultdict(list)
    for one, decision in zip(recordings, decisions, strict=True):
        if one.speaker:
            by_speaker[one.speaker].append(bool(decision == one.label))
    shares = [
        SpeakerShare(name, share(sum(right), len(right)))
        for name, right in by_speaker.items()
        if len(right) >= LEAST_SPEAKER_CLIPS and not all(right)
    ]
    shares.sort(key=lambda one: (one.accuracy.value, -one.accuracy.trials, one.speaker))
    return ClipResult(
        condition=condition,
        accuracy=share(int(np.trace(counts)), len(recordings)),
        decisions=tuple(int(one) for one in decisions),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        per_word=tuple(share(int(row[i]), int(row.sum())) for i, row in enumerate(counts)),
        speakers=len(by_speaker),
        worst_speakers=tuple(shares[:WORST_SPEAKERS]),
    )
