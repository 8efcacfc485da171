"""Changes of waveforms: batches of float32 clips, in steps of int16, that saturate at the end."""

from __future__ import annotations

import numpy as np
import scipy.fft

from training.audio.augment.draws import NOTHING, Draws, draw
from training.audio.augment.microphones import DELAY
from training.audio.augment.surroundings import Surroundings
from training.recipe import AugmentConfig

# Clips worked on at a time: their float copies stay inside the processor's second-level cache.
_CHUNK_CLIPS = 8
_LOWEST_POWER = 1e-3
"""Power of a clip of digital zeros, in steps of int16 squared: keeps the division defined."""


def augment(
    pcm: np.ndarray,
    speakers: np.ndarray,
    surroundings: Surroundings,
    sample_rate_hz: int,
    samples: int,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> tuple[np.ndarray, Draws]:
    """Change every clip at random.

    Args:
        pcm: int16[clips, samples].
        speakers: int64[clips]; who speaks, or `NO_SPEECH`.
        surroundings: what is mixed in.
        sample_rate_hz: of all clips.
        samples: length wanted, at least that of `pcm`, whose clips come into the middle.
        config: ranges and probabilities.
        rng: source of randomness; the same state gives the same result.

    Returns:
        int16[clips, samples], a new array, and what was drawn for it.
    """
    draws = draw(speakers, samples, sample_rate_hz, surroundings, config, rng)
    return apply(pcm, surroundings, draws, samples), draws


def apply(pcm: np.ndarray, surroundings: Surroundings, draws: Draws, samples: int) -> np.ndarray:
    """Do what was drawn: speed, shift, second voice, room, noise, microphone, clipping, gain.

    Args:
        pcm: int16[clips, n].
        surroundings: what is mixed in.
        draws: one entry a clip.
        samples: length wanted, at least n.

    Returns:
        int16[clips, samples], a new array; what exceeds 16 bits saturates.
    """
    result = np.empty((len(pcm), samples), np.int16)
    noise = np.lib.stride_tricks.sliding_window_view(surroundings.noise, samples)
    for first in range(0, len(pcm), _CHUNK_CLIPS):
        rows = slice(first, first + _CHUNK_CLIPS)
        clip = resample(pcm[rows], draws.speed[rows], draws.shift_samples[rows], samples)
        if np.any(chosen := draws.voice[rows] != NOTHING):
            voices = surroundings.voices[draws.voice[rows][chosen]]
            turned = _turned(voices, draws.voice_shift_samples[rows][chosen], samples)
            clip[chosen] = add_below(clip[chosen], turned, draws.voice_below_db[rows][chosen])
        if np.any(chosen := draws.room[rows] != NOTHING):
            rooms = surroundings.rooms[draws.room[rows][chosen]]
            clip[chosen] = through(clip[chosen], rooms, delay=0)
        if np.any(chosen := np.isfinite(draws.snr_db[rows])):
            cuts = noise[draws.noise_start[rows][chosen]]
            clip[chosen] = add_below(clip[chosen], cuts, draws.snr_db[rows][chosen])
        if np.any(chosen := draws.microphone[rows] != NOTHING):
            responses = surroundings.microphones[draws.microphone[rows][chosen]]
            clip[chosen] = through(clip[chosen], responses, delay=DELAY)
        if np.any(chosen := draws.clipping_db[rows] > 0.0):
            clip[chosen] = clipped(clip[chosen], draws.clipping_db[rows][chosen])
        clip *= (10.0 ** (draws.gain_db[rows] / 20.0)).astype(np.float32)[:, None]
        np.rint(clip, out=clip)
        np.clip(clip, -32_768.0, 32_767.0, out=clip)
        result[rows] = clip
    return result


def add_below(clip: np.ndarray, other: np.ndarray, below_db: np.ndarray) -> np.ndarray:
    """Each clip with another sound at the wanted ratio of powers below it.

    Args:
        clip: float32[clips, samples].
        other: the same shape, any type and level.
        below_db: float64[clips]; power of the clip over power of the other sound.

    Returns:
        float32[clips, samples].
    """
    scaled = other.astype(np.float32)
    ratio = _power(clip) / np.maximum(_power(scaled), _LOWEST_POWER)
    scaled *= (np.sqrt(ratio) * 10.0 ** (-below_db / 20.0)).astype(np.float32)[:, None]
    scaled += clip
    return scaled


def through(clip: np.ndarray, responses: np.ndarray, delay: int) -> np.ndarray:
    """Each clip through its room or microphone, at the power that it had.

    Args:
        clip: float32[clips, samples].
        responses: float32[clips, taps].
        delay: the tap at which the direct sound comes, so the word stays where it is.

    Returns:
        float32[clips, samples]; what would follow the end of the clip is left out.
    """
    samples = clip.shape[1]
    size = scipy.fft.next_fast_len(samples + responses.shape[1] - 1, real=True)
    spectrum = scipy.fft.rfft(clip, size, axis=1) * scipy.fft.rfft(responses, size, axis=1)
    heard = scipy.fft.irfft(spectrum, size, axis=1)[:, delay : delay + samples]
    heard *= np.sqrt(_power(clip) / np.maximum(_power(heard), _LOWEST_POWER))[:, None]
    return heard.astype(np.float32)


def clipped(clip: np.ndarray, below_db: np.ndarray) -> np.ndarray:
    """Each clip with the tops of its wave cut off, as by an amplifier that is overdriven.

    Args:
        clip: float32[clips, samples].
        below_db: float64[clips]; how far below the peak.

    Returns:
        float32[clips, samples].
    """
    limit = np.abs(clip).max(axis=1, keepdims=True) * 10.0 ** (-below_db[:, None] / 20.0)
    return np.clip(clip, -limit, limit).astype(np.float32)


def _power(clip: np.ndarray) -> np.ndarray:
    """float32[clips]: mean square."""
    return np.einsum("ij,ij->i", clip, clip) / clip.shape[1]


def _turned(clips: np.ndarray, first: np.ndarray, samples: int) -> np.ndarray:
    """`samples` of each clip from `first` on, beginning again at its end."""
    index = (np.arange(samples) + first[:, None]) % clips.shape[1]
    return np.take_along_axis(clips, index, axis=1)


def resample(
    pcm: np.ndarray, speed: np.ndarray, shift_samples: np.ndarray, wanted: int
) -> np.ndarray:
    """Play faster or slower about the middle and move; samples from outside the clip are zero.

    Cubic interpolation (Catmull and Rom, 1974): linear interpolation would dull a varying part of
    the high frequencies.

    Returns:
        float32[clips, wanted]; the middle of the clip comes into the middle.
    """
    clips, samples = pcm.shape
    offset = (samples - 1) / 2.0 + shift_samples - (wanted - 1) / 2.0 * speed
    position = np.arange(wanted) * speed[:, None] + offset[:, None]
    # Two zeros before the clip and three after it: every position clamps onto silence.
    np.clip(position, -2.0, samples + 1.0, out=position)
    padded = np.zeros((clips, samples + 7), np.float32)
    padded[:, 3:-4] = pcm
    before, here, after, later = (padded[:, first : samples + 4 + first] for first in range(4))
    cubic = 1.5 * (here - after) + 0.5 * (later - before)
    square = before - 2.5 * here + 2.0 * after - 0.5 * later
    linear = 0.5 * (after - before)

    position += 2.0
    index = position.astype(np.int32)
    fraction = (position - index).astype(np.float32)
    index += (np.arange(clips, dtype=np.int32) * here.shape[1])[:, None]
    result = np.take(cubic.reshape(-1), index)
    for coefficient in (square, linear, np.ascontiguousarray(here)):
        result *= fraction
        result += np.take(coefficient.reshape(-1), index)
    return result
