"""What clips are mixed with: noise of several kinds, other voices, rooms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.audio.augment.microphones import draw_microphones
from training.audio.dataset import NO_SPEECH
from training.audio.noise import SPECTRAL_SLOPES, coloured_noise
from training.recipe import AugmentConfig

COLOURED_CLIPS = 60
BABBLE_CLIPS = 60
BABBLE_VOICES = 5
"""Voices that speak at once in the babble; with fewer one still follows the words."""
MICROPHONES = 48
_PEAK = 8_000.0
"""Of generated noise and babble, in steps of int16: mixing sets the level anyway."""


@dataclass(frozen=True)
class Surroundings:
    """Made once for a training set, then drawn from for every clip."""

    recorded: np.ndarray
    """int16[n]: noise as it was recorded."""
    coloured: np.ndarray
    """int16[n]: generated noise."""
    babble: np.ndarray
    """int16[n]: many voices at once; empty when nobody speaks."""
    voices: np.ndarray
    """int16[clips, samples]: the training set itself."""
    speakers: np.ndarray
    """int64[clips]: who speaks in `voices`, or NO_SPEECH."""
    rooms: np.ndarray
    """float32[rooms, taps]: impulse responses; the direct sound is tap 0, which is 1."""
    microphones: np.ndarray
    """float32[microphones, TAPS]: responses from `draw_microphones`."""

    @property
    def noise(self) -> np.ndarray:
        """int16[n]: every kind of noise, one after the other."""
        return np.concatenate([self.recorded, self.coloured, self.babble])

    def noise_starts(
        self,
        speakers: np.ndarray,
        samples: int,
        config: AugmentConfig,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """int64[clips]: where in `noise` a stretch of one kind begins, for each clip."""
        kinds = (self.recorded.size, self.coloured.size, self.babble.size)
        value = rng.random(len(speakers))
        babble_from = 1.0 - config.babble_share
        kind = (value >= babble_from - config.coloured_share).astype(np.int64)
        if self.babble.size >= samples:
            kind[(value >= babble_from) & (speakers != NO_SPEECH)] = 2
        begin = np.concatenate([[0], np.cumsum(kinds)])[kind]
        return begin + rng.integers(0, np.take(kinds, kind) - samples + 1)

    def other_voices(self, speakers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """int64[clips]: row of a clip of somebody else for each speaker, or -1.

        It is -1 for NO_SPEECH and where nobody else speaks.
        """
        order = np.argsort(self.speakers, kind="stable")
        ranked = self.speakers[order]
        order, ranked = order[ranked != NO_SPEECH], ranked[ranked != NO_SPEECH]
        # Clips of one speaker are neighbours in the order: drawn among the others, then stepped
        # over, every clip of somebody else is equally likely.
        first = np.searchsorted(ranked, speakers, side="left")
        own = np.searchsorted(ranked, speakers, side="right") - first
        others = len(ranked) - own
        place = rng.integers(0, np.maximum(others, 1))
        place += np.where(place >= first, own, 0)
        possible = (speakers != NO_SPEECH) & (others > 0)
        if not possible.any():
            return np.full(len(speakers), -1)
        return np.where(possible, order[np.minimum(place, len(order) - 1)], -1)


def gather(
    pcm: np.ndarray,
    speakers: np.ndarray,
    recorded: np.ndarray,
    rooms: np.ndarray,
    sample_rate_hz: int,
    heard_samples: int,
    rng: np.random.Generator,
) -> Surroundings:
    """Make what a training set is mixed with.

    Args:
        pcm: int16[clips, samples] of the training set.
        speakers: int64[clips]; who speaks, or NO_SPEECH.
        recorded: int16[n], n >= samples: noise of the training set.
        rooms: float32[rooms, taps], from `rooms.simulate_rooms`.
        sample_rate_hz: of all of it.
        heard_samples: length of the noise that a clip takes; recorded noise that is shorter is
            repeated.
        rng: source of randomness.
    """
    samples = pcm.shape[1]
    slopes = rng.uniform(0.0, max(SPECTRAL_SLOPES), COLOURED_CLIPS)
    return Surroundings(
        recorded=np.resize(recorded, max(recorded.size, heard_samples)),
        coloured=_to_peak(coloured_noise(COLOURED_CLIPS, samples, slopes, rng)),
        babble=_babble(pcm[speakers != NO_SPEECH], rng),
        voices=pcm,
        speakers=speakers,
        rooms=rooms,
        microphones=draw_microphones(MICROPHONES, sample_rate_hz, rng),
    )


def _babble(speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int16[n]: clips that are each the sum of several at equal power, turned at random."""
    if not len(speech):
        return np.zeros(0, np.int16)
    samples = speech.shape[1]
    sums = np.zeros((BABBLE_CLIPS, samples), np.float32)
    for row in sums:
        for clip in speech[rng.integers(0, len(speech), BABBLE_VOICES)].astype(np.float32):
            level = np.sqrt(np.mean(clip**2))
            row += np.roll(clip, rng.integers(samples)) / max(level, 1.0)
    return _to_peak(sums)


def _to_peak(clips: np.ndarray) -> np.ndarray:
    """int16[n]: the clips one after the other, each brought to the same peak."""
    peak = np.abs(clips).max(axis=1, keepdims=True)
    return np.rint(clips * (_PEAK / np.maximum(peak, 1e-9))).astype(np.int16).reshape(-1)
