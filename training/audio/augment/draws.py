"""What happens to each clip, drawn at random from the ranges of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.audio.augment.hearing import tempi, vocal_tract_scales
from training.audio.augment.surroundings import Surroundings
from training.recipe import AugmentConfig

NOTHING = -1
"""Stands for an index where no other clip and no room is taken."""


@dataclass(frozen=True)
class Draws:
    """What happens to each clip of a batch; every field has one entry a clip."""

    speed: np.ndarray
    """float64; above 1 the word is spoken faster and higher."""
    shift_samples: np.ndarray
    """float64; above 0 the word comes earlier."""
    voice: np.ndarray
    """int64; row of `Surroundings.voices` that speaks below the clip, or NOTHING."""
    voice_shift_samples: np.ndarray
    """int64; the second voice is turned in its clip by so much."""
    voice_below_db: np.ndarray
    """float64; power of the clip over power of the second voice."""
    room: np.ndarray
    """int64; row of `Surroundings.rooms`, or NOTHING."""
    snr_db: np.ndarray
    """float64; power of the clip over power of the noise; infinity mixes in no noise."""
    noise_start: np.ndarray
    """int64; where in `Surroundings.noise` the noise is taken."""
    microphone: np.ndarray
    """int64; row of `Surroundings.microphones`, or NOTHING."""
    clipping_db: np.ndarray
    """float64; the wave is cut off so far below its peak; 0 cuts off nothing."""
    gain_db: np.ndarray
    """float64; applied last."""
    vocal_tract: np.ndarray
    """int64; index into `vocal_tract_scales`: what the front-end does, not the waveform."""
    tempo: np.ndarray
    """int64; index into `tempi`, likewise."""


def draw(
    speakers: np.ndarray,
    samples: int,
    sample_rate_hz: int,
    surroundings: Surroundings,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> Draws:
    """Draw the changes of a batch of clips.

    Speed is uniform in its logarithm, everything else in its own unit.

    Args:
        speakers: int64[clips]; who speaks, or `NO_SPEECH`: such a clip gets neither a second voice
            nor babble, because it would no longer be what its label says.
        samples: length of the changed clips.
        sample_rate_hz: of the clips.
        surroundings: what there is to mix in.
        config: ranges and probabilities.
        rng: source of randomness; the same state gives the same draws.
    """
    clips = len(speakers)
    shift_samples = config.shift_ms * sample_rate_hz / 1_000.0
    voiced = rng.random(clips) < config.voice_probability
    reverberant = rng.random(clips) < config.room_probability
    noisy = rng.random(clips) < config.noise_probability
    elsewhere = rng.random(clips) < config.microphone_probability
    microphone = rng.integers(0, len(surroundings.microphones), clips)
    clipped = rng.random(clips) < config.clipping_probability
    snr_db = rng.uniform(config.snr_min_db, config.snr_max_db, clips)
    return Draws(
        speed=np.exp(rng.uniform(np.log(config.speed_min), np.log(config.speed_max), clips)),
        shift_samples=rng.uniform(-shift_samples, shift_samples, clips),
        voice=np.where(voiced, surroundings.other_voices(speakers, rng), NOTHING),
        voice_shift_samples=rng.integers(0, samples, clips),
        voice_below_db=rng.uniform(config.voice_below_min_db, config.voice_below_max_db, clips),
        room=np.where(reverberant, rng.integers(0, len(surroundings.rooms), clips), NOTHING),
        snr_db=np.where(noisy, snr_db, np.inf),
        noise_start=surroundings.noise_starts(speakers, samples, config, rng),
        microphone=np.where(elsewhere, microphone, NOTHING),
        clipping_db=np.where(clipped, rng.uniform(0.0, config.clipping_max_db, clips), 0.0),
        gain_db=rng.uniform(config.gain_min_db, config.gain_max_db, clips),
        vocal_tract=rng.integers(0, len(vocal_tract_scales(config)), clips),
        tempo=rng.integers(0, len(tempi(config)), clips),
    )
