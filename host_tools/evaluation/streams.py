"""Long recordings with words at known times, built from short ones; the same ones every time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.evaluation.conditions import CLEAN, Condition
from host_tools.evaluation.noise import NoiseSource, Word, find_word, noise_gain, to_int16
from host_tools.evaluation.recordings import Recording

LEVEL_DBFS = -26.0
"""Every word's level in a noisy room, so that each has the ratio that the condition names."""

SEGMENT_S = 240.0
"""Length from which no further recording is put into a stretch; each stretch is heard from a
reset, so stretches can be computed side by side and resumed."""

LEAD_S = 1.5
"""Before the first recording of a stretch and after its last."""

GAP_MIN_S, GAP_MAX_S = 0.4, 1.2
FADE_S = 0.01
BED_POWER = 4.0
"""Mean square of the noise between the recordings of a clean stretch: a quiet converter."""

PASS_GAIN_DB = 6.0
"""A recording that is used again comes up to so much louder or quieter."""

_SEED = 4_000_321
_FULL_SCALE_POWER = 32_768.0**2


@dataclass(frozen=True)
class Placed:
    """One recording in a stretch.

    Attributes:
        source: index among the recordings that the plan was made of.
        start: sample of the stretch at which the recording begins.
        samples: how many it has.
        gain_db: factor, of recordings that come again.
    """

    source: int
    start: int
    samples: int
    gain_db: float = 0.0


@dataclass(frozen=True)
class Segment:
    """A stretch of a stream: what stands where, before any noise.

    Attributes:
        number: among all stretches of a plan; seeds its noise.
    """

    number: int
    half: int
    samples: int
    placed: tuple[Placed, ...]


@dataclass(frozen=True)
class Spoken:
    """A word in a stretch, in samples from its beginning.

    Attributes:
        label: index of the model's class.
        start: where the word begins, by its energy.
        end: where it ends.
        source: index of the recording.
    """

    label: int
    start: int
    end: int
    source: int


@dataclass(frozen=True)
class Plan:
    """All stretches.

    Attributes:
        passes: how often each recording is used, about; 1 where every hour is another one.
    """

    segments: tuple[Segment, ...]
    passes: float

    def hours(self, sample_rate_hz: int, half: int | None = None) -> float:
        """Length of all stretches, or of those of one half."""
        chosen = (one.samples for one in self.segments if half is None or one.half == half)
        return sum(chosen) / sample_rate_hz / 3600


def plan_streams(
    recordings: Sequence[Recording], sample_rate_hz: int, hours: float | None = None
) -> Plan:
    """Put the recordings of each half in a random order, with pauses of random length between.

    Args:
        recordings: words of the model and negatives.
        sample_rate_hz: of them.
        hours: length wanted; more than all recordings give are made by further passes in another
            order and at other levels, less by leaving recordings out. None uses each once.
    """
    once = [
        segment for half in (0, 1) for segment in _one_pass(recordings, sample_rate_hz, half, 0)
    ]
    length = Plan(tuple(once), 1.0).hours(sample_rate_hz)
    passes = 1.0 if hours is None or length == 0.0 else hours / length
    segments = [
        segment
        for number in range(math.ceil(passes))
        for half in (0, 1)
        for segment in _one_pass(
            recordings, sample_rate_hz, half, number, share=min(1.0, passes - number)
        )
    ]
    numbered = tuple(
        Segment(number, segment.half, segment.samples, segment.placed)
        for number, segment in enumerate(segments)
    )
    return Plan(numbered, max(1.0, passes))


def _one_pass(
    recordings: Sequence[Recording],
    sample_rate_hz: int,
    half: int,
    number: int,
    share: float = 1.0,
) -> list[Segment]:
    """Stretches of the recordings of one half, or of the given share of them."""
    rng = np.random.default_rng([_SEED, half, number])
    chosen = np.array([i for i, one in enumerate(recordings) if one.half == half], dtype=np.int64)
    order = rng.permutation(chosen)[: math.ceil(share * chosen.size)]
    lead, longest = round(LEAD_S * sample_rate_hz), round(SEGMENT_S * sample_rate_hz)
    segments: list[Segment] = []
    placed: list[Placed] = []
    position = lead

    def close() -> None:
        segments.append(Segment(0, half, position + lead, tuple(placed)))

    for index in order:
        samples = recordings[index].pcm.size
        if placed and position + samples > longest:
            close()
            placed, position = [], lead
        gain_db = float(rng.uniform(-PASS_GAIN_DB, PASS_GAIN_DB)) if number else 0.0
        placed.append(Placed(int(index), position, samples, gain_db))
        gap_s = rng.uniform(GAP_MIN_S, GAP_MAX_S)
        position += samples + round(gap_s * sample_rate_hz)
    if placed:
        close()
    return segments


class Renderer:
    """Turns planned stretches into samples and times."""

    def __init__(
        self, recordings: Sequence[Recording], noises: NoiseSource, sample_rate_hz: int
    ) -> None:
        self._recordings = recordings
        self._noises = noises
        self._rate_hz = sample_rate_hz
        self._words = [find_word(one.pcm, sample_rate_hz) for one in recordings]

    def word(self, source: int) -> Word:
        """Where the loud stretch of a recording lies."""
        return self._words[source]

    def spoken(self, segment: Segment) -> list[Spoken]:
        """The words of the model in a stretch, by time; negatives are not among them."""
        return [
            Spoken(
                label=self._recordings[one.source].label,
                start=one.start + self._words[one.source].start,
                end=one.start + self._words[one.source].end,
                source=one.source,
            )
            for one in segment.placed
        ]

    def samples(self, segment: Segment, condition: Condition) -> np.ndarray:
        """int16[segment.samples] of a stretch in a condition (its jitter is not used).

        In noise every recording is brought to `LEVEL_DBFS` first, negatives too.
        """
        rng = np.random.default_rng([_SEED, segment.number])
        level = _FULL_SCALE_POWER * 10 ** (LEVEL_DBFS / 10)
        if condition.noise is None:
            mixed = np.sqrt(BED_POWER) * self._noises.make("white", segment.samples, rng)
        else:
            gain = noise_gain(level, condition.snr_db)
            mixed = gain * self._noises.make(condition.noise, segment.samples, rng)
        for one in segment.placed:
            scale = 10 ** ((one.gain_db + condition.gain_db) / 20)
            if condition != CLEAN and condition.noise is not None:
                scale = float(np.sqrt(level / self._words[one.source].power))
            faded = self._faded(self._recordings[one.source].pcm)
            mixed[one.start : one.start + one.samples] += np.float32(scale) * faded
        return to_int16(mixed)

    def _faded(self, pcm: np.ndarray) -> np.ndarray:
        """float32[n] without clicks at its ends."""
        samples = pcm.astype(np.float32)
        length = min(round(FADE_S * self._rate_hz), pcm.size // 2)
        ramp = np.linspace(0, 1, length, endpoint=False, dtype=np.float32)
        samples[:length] *= ramp
        samples[samples.size - length :] *= ramp[::-1]
        return samples
