"""Where in each recording a word stands.

First a voice segmentation by energy, then alignment: all recordings of a folder say the same word,
so what they have in common is the word. Templates are a few synthesised voices, which tell the word
from other speech, and then the recordings nearest to all others, which tell its edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.features import Frontend
from training.recipe import FrontendConfig
from training.words.alignment import align

HOP_MS = 10
_BINS = 24
_WINDOW_MS = 30
_CEPSTRA = 12
_LEVEL_WEIGHT = 1.5
"""Of the level beside the spectrum's shape, whose mean square over speech is 1."""
_LOW_HZ, _HIGH_HZ = 150.0, 5_000.0

_SPEECH_BANDS = slice(2, 18)
"""Bins that vowels fill: rumble and hiss count less as speech."""
_FLOOR_PERCENTILE = 20
_PEAK_PERCENTILE = 98
_LOWEST_RANGE_OCTAVES = 2.0
"""Octaves of power between room and voice below which nothing is taken for speech (6 dB)."""
_ENTER, _STAY = 0.45, 0.25
"""Share of that range above which speech begins and below which it ends."""
_GAP_FRAMES = 18
"""Stops inside a word are shorter pauses than this."""
_SHORTEST_FRAMES = 10
_LONGEST_WORD_FRAMES = 250

_CANDIDATES = 16
_TEMPLATES = 5
_JUDGES = 2
"""Templates whose costs count for a stretch: the nearest ones, because voices differ."""
_ROUNDS = 2
_UNMATCHED_COST = 1.0
"""For a stretch of which a template covers nothing; frames cost about 0.5 to 1."""
_SNAP_FRAMES = 18
"""A pause this near to an aligned edge is the edge of the word."""
_FADE_FRAMES, _FADE = 12, 0.1
"""How far, and down to which share of the range, a word may fade beyond the edges of speech."""
_DOUBTFUL_DEVIATIONS = 4.0
"""Median absolute deviations above the median cost that make a recording doubtful."""
_LEAST_SPREAD = 0.03
"""Relative to the median: recordings that are nearly alike do not make each other doubtful."""


@dataclass(frozen=True)
class Located:
    """A word in its recording."""

    start: int
    """First sample of the word."""
    stop: int
    """Sample after its last."""
    cost: float
    """Mean distance to the templates; comparable inside one call only."""
    doubtful: bool
    """It resembles the others less than they resemble each other."""


def locate(
    recordings: Sequence[NDArray[np.int16]],
    spoken: Sequence[NDArray[np.int16]],
    sample_rate_hz: int,
) -> list[Located | None]:
    """Find the word in each recording.

    Args:
        recordings: int16[samples] each, all of the same word.
        spoken: the word alone, by synthesised voices; may be empty.
        sample_rate_hz: of all.

    Returns:
        For each recording where the word is; None where there is no speech.
    """
    hearing = _Hearing(sample_rate_hz)
    found: list[Located | None] = [None] * len(recordings)
    heard = [hearing.listen(recording) for recording in recordings]
    voiced = [index for index, one in enumerate(heard) if one.islands]
    if not voiced:
        return found
    searched = [heard[index] for index in voiced]
    regions = [one.loudest for one in searched]
    voices = [hearing.listen(one) for one in spoken]
    templates = [one.features[slice(*one.extent)] for one in voices if one.islands]
    if templates:
        regions, _ = _choose(searched, templates, [-1] * len(templates))
    for _ in range(_ROUNDS):
        central = _central(searched, regions)
        templates = [searched[i].features[slice(*regions[i])] for i in central]
        regions, cost = _choose(searched, templates, central)
    limit = _doubtful_above(cost)
    for index, one, region, value in zip(voiced, searched, regions, cost, strict=True):
        first, last = _with_fades(region, one.loudness)
        found[index] = Located(
            start=first * hearing.hop,
            stop=min(last * hearing.hop + hearing.window - hearing.hop, recordings[index].size),
            cost=float(value),
            doubtful=bool(value > limit),
        )
    return found


def _doubtful_above(cost: NDArray[np.float64]) -> float:
    """What is too short for any template has an infinite cost, and is doubtful too."""
    finite = cost[np.isfinite(cost)]
    if finite.size == 0:
        return 0.0
    median = float(np.median(finite))
    spread = max(float(np.median(np.abs(finite - median))), _LEAST_SPREAD * median)
    return median + _DOUBTFUL_DEVIATIONS * spread


@dataclass(frozen=True)
class _Heard:
    """One recording in frames."""

    features: NDArray[np.float32]
    """[frames, features]: shape of the spectrum, and level."""
    loudness: NDArray[np.float32]
    """[frames], octaves of power."""
    islands: tuple[tuple[int, int], ...]
    """Stretches of speech, first frame and frame after the last."""

    @property
    def extent(self) -> tuple[int, int]:
        """From the first speech to the last."""
        return self.islands[0][0], self.islands[-1][1]

    @property
    def loudest(self) -> tuple[int, int]:
        """The island with the most energy above the floor."""
        floor = np.percentile(self.loudness, _FLOOR_PERCENTILE)
        return max(self.islands, key=lambda one: float(np.sum(self.loudness[slice(*one)] - floor)))


class _Hearing:
    """Features for comparison: fine in time, coarse in frequency."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.hop = sample_rate_hz * HOP_MS // 1_000
        self.window = sample_rate_hz * _WINDOW_MS // 1_000
        fft = 1 << (self.window - 1).bit_length()
        config = FrontendConfig(
            sample_rate_hz=sample_rate_hz,
            clip_samples=max(sample_rate_hz, self.window),
            window_samples=self.window,
            hop_samples=self.hop,
            fft_samples=fft,
            mel_bins=_BINS,
            low_hz=_LOW_HZ,
            high_hz=min(_HIGH_HZ, sample_rate_hz / 2.0 * _BELOW_NYQUIST),
        )
        self._frontend = Frontend(config)
        self._step = config.step_log2
        band = np.arange(_BINS)
        self._cosines = np.cos(np.pi / _BINS * (band[:, None] + 0.5) * np.arange(1, _CEPSTRA + 1))

    def listen(self, pcm: NDArray[np.int16]) -> _Heard:
        pcm = np.pad(pcm, (0, max(0, self.window + self.hop - pcm.size)))
        octaves = self._frontend.clip(np.ascontiguousarray(pcm)).astype(np.float32) * self._step
        loudness = octaves[:, _SPEECH_BANDS].mean(axis=1)
        islands = _islands(loudness)
        # What lies under the room's noise differs from room to room and says nothing of the word.
        floor = np.percentile(octaves, _FLOOR_PERCENTILE, axis=0)
        clean = np.maximum(octaves, floor + _ABOVE_FLOOR_OCTAVES)
        cepstra = (clean @ self._cosines).astype(np.float32)
        speech = np.zeros(len(octaves), bool)
        for island in islands:
            speech[slice(*island)] = True
        if speech.any():
            cepstra -= cepstra[speech].mean(axis=0)
            power = np.mean(np.sum(cepstra[speech] ** 2, axis=1))
            cepstra /= np.sqrt(max(power, np.finfo(np.float32).tiny))
        level = _LEVEL_WEIGHT * _share_of_range(loudness)
        return _Heard(np.column_stack((cepstra, level)).astype(np.float32), loudness, islands)


def _share_of_range(loudness: NDArray[np.float32]) -> NDArray[np.float32]:
    """[frames]: 0 the room, 1 the loudest speech."""
    floor, peak = _range(loudness)
    return np.clip((loudness - floor) / max(peak - floor, _LOWEST_RANGE_OCTAVES), 0.0, 1.0)


def _range(loudness: NDArray[np.float32]) -> tuple[float, float]:
    floor, peak = np.percentile(loudness, (_FLOOR_PERCENTILE, _PEAK_PERCENTILE))
    return float(floor), float(peak)


_BELOW_NYQUIST = 0.95
_ABOVE_FLOOR_OCTAVES = 0.5


def _islands(loudness: NDArray[np.float32]) -> tuple[tuple[int, int], ...]:
    floor, peak = _range(loudness)
    if peak - floor < _LOWEST_RANGE_OCTAVES:
        return ()
    smooth = np.convolve(loudness, np.ones(_SMOOTH_FRAMES) / _SMOOTH_FRAMES, mode="same")
    stay = _runs(smooth > floor + _STAY * (peak - floor))
    entered = smooth > floor + _ENTER * (peak - floor)
    runs = [run for run in stay if entered[slice(*run)].any()]
    joined: list[tuple[int, int]] = []
    for start, stop in runs:
        if joined and start - joined[-1][1] < _GAP_FRAMES:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return tuple(run for run in joined if run[1] - run[0] >= _SHORTEST_FRAMES)


_SMOOTH_FRAMES = 3


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one-past-last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _groups(islands: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches that may be the word: islands, and neighbouring ones together."""
    return [
        (islands[first][0], islands[last][1])
        for first in range(len(islands))
        for last in range(first, len(islands))
        if first == last or islands[last][1] - islands[first][0] <= _LONGEST_WORD_FRAMES
    ]


def _choose(
    searched: Sequence[_Heard], templates: Sequence[NDArray[np.float32]], own: Sequence[int]
) -> tuple[list[tuple[int, int]], NDArray[np.float64]]:
    """The stretch of each recording that is most like the templates.

    Args:
        searched: recordings with speech.
        templates: [frames, features] each.
        own: index of the recording that a template was cut from, which it does not judge; -1 for
            a template from elsewhere.

    Returns:
        First frame and frame after the last, and the cost, of each recording.
    """
    owners, groups = [], []
    for index, one in enumerate(searched):
        for group in _groups(one.islands):
            owners.append(index)
            groups.append(group)
    owner = np.array(owners)
    pieces = [searched[i].features[slice(*group)] for i, group in zip(owners, groups, strict=True)]
    length = np.array([len(piece) for piece in pieces])
    matches = [align(template, pieces) for template in templates]
    costs = np.array(
        [m.cost + _UNMATCHED_COST * (1.0 - (m.stop - m.start) / length) for m in matches]
    )
    for row, recording in enumerate(own):
        if len(templates) > 1:
            costs[row, owner == recording] = np.inf
    nearest = np.sort(costs, axis=0)[:_JUDGES]
    # A piece too short for some template is no reason to refuse it to the others.
    cost = np.where(np.isfinite(nearest), nearest, nearest[0]).mean(axis=0)
    regions, values = [], []
    for index, one in enumerate(searched):
        of_this = np.flatnonzero(owner == index)
        best = of_this[np.argmin(cost[of_this])]
        if np.isfinite(cost[best]):
            judges = np.argsort(costs[:, best], kind="stable")[:_JUDGES]
            judges = judges[np.isfinite(costs[judges, best])]
            start = int(np.mean([matches[judge].start[best] for judge in judges]))
            stop = int(np.mean([matches[judge].stop[best] for judge in judges]))
            region = _edges(groups[best], groups[best][0] + start, groups[best][0] + stop)
        else:
            region = one.loudest
        regions.append(region)
        values.append(cost[best])
    return regions, np.array(values)


def _edges(group: tuple[int, int], start: int, stop: int) -> tuple[int, int]:
    """Edges by pauses, where these are near to the aligned ones; inside other speech, aligned."""
    first = group[0] if start - group[0] <= _SNAP_FRAMES else start
    last = group[1] if group[1] - stop <= _SNAP_FRAMES else stop
    return first, last


def _with_fades(region: tuple[int, int], loudness: NDArray[np.float32]) -> tuple[int, int]:
    """The region and what fades in before it and out after it."""
    floor, peak = _range(loudness)
    heard = loudness > floor + _FADE * (peak - floor)
    first, last = region
    for _ in range(_FADE_FRAMES):
        if first > 0 and heard[first - 1]:
            first -= 1
        if last < len(loudness) and heard[last]:
            last += 1
    return first, last


def _central(searched: Sequence[_Heard], regions: Sequence[tuple[int, int]]) -> list[int]:
    """Recordings whose words are nearest to those of all others, among those of usual length."""
    lengths = np.array([stop - start for start, stop in regions])
    usual = np.argsort(np.abs(lengths - np.median(lengths)), kind="stable")[:_CANDIDATES]
    pieces = [one.features[slice(*region)] for one, region in zip(searched, regions, strict=True)]
    cost = {int(i): float(np.median(align(pieces[i], pieces).cost)) for i in usual}
    return sorted(cost, key=lambda i: (cost[i], i))[:_TEMPLATES]


def speech_extent(pcm: NDArray[np.int16], sample_rate_hz: int) -> tuple[int, int] | None:
    """First sample of the first speech and sample after the last; None where there is none."""
    hearing = _Hearing(sample_rate_hz)
    heard = hearing.listen(pcm)
    if not heard.islands:
        return None
    first, last = heard.extent
    return first * hearing.hop, min(last * hearing.hop + hearing.window, pcm.size)
