"""Changes of waveforms: batches of float32 clips, in steps of int16, that saturate at the end."""

from __future__ import annotations

import numpy as np
import scipy.fft

from training.audio.augment.draws import NOTHING, Draws, draw
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
    config: AugmentConfig,
    rng: np.random.Generator,
) -> tuple[np.ndarray, Draws]:
    """Change every clip at random.

    Args:
        pcm: int16[clips, samples].
        speakers: int64[clips]; who speaks, or `NO_SPEECH`.
        surroundings: what is mixed in.
        sample_rate_hz: of all clips.
        config: ranges and probabilities.
        rng: source of randomness; the same state gives the same result.

    Returns:
        int16[clips, samples], a new array, and what was drawn for it.
    """
    draws = draw(speakers, pcm.shape[1], sample_rate_hz, surroundings, config, rng)
    return apply(pcm, surroundings, draws), draws


def apply(pcm: np.ndarray, surroundings: Surroundings, draws: Draws) -> np.ndarray:
    """Do what was drawn: speed and shift, a second voice, the room, noise, gain.

    Args:
        pcm: int16[clips, samples].
        surroundings: what is mixed in.
        draws: one entry a clip.

    Returns:
        int16[clips, samples], a new array; what exceeds 16 bits saturates.
    """
    result = np.empty_like(pcm)
    noise = surroundings.noise
    for first in range(0, len(pcm), _CHUNK_CLIPS):
        rows = slice(first, first + _CHUNK_CLIPS)
        clip = resample(pcm[rows], draws.speed[rows], draws.shift_samples[rows])
        if np.any(voiced := draws.voice[rows] != NOTHING):
            voices = _turned(
                surroundings.voices[draws.voice[rows][voiced]],
                draws.voice_shift_samples[rows][voiced],
            )
            clip[voiced] = add_below(clip[voiced], voices, draws.voice_below_db[rows][voiced])
        if np.any(reverberant := draws.room[rows] != NOTHING):
            rooms = surroundings.rooms[draws.room[rows][reverberant]]
            clip[reverberant] = in_rooms(clip[reverberant], rooms)
        if np.any(noisy := np.isfinite(draws.snr_db[rows])):
            windows = np.lib.stride_tricks.sliding_window_view(noise, clip.shape[1])
            cuts = windows[draws.noise_start[rows][noisy]]
            clip[noisy] = add_below(clip[noisy], cuts, draws.snr_db[rows][noisy])
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


def in_rooms(clip: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """Each clip in its room, at the power that it had.

    Args:
        clip: float32[clips, samples].
        rooms: float32[clips, taps]; the direct sound is tap 0, so the word stays where it is.

    Returns:
        float32[clips, samples]; what would follow the end of the clip is left out.
    """
    samples = clip.shape[1]
    size = scipy.fft.next_fast_len(samples + rooms.shape[1] - 1, real=True)
    spectrum = scipy.fft.rfft(clip, size, axis=1) * scipy.fft.rfft(rooms, size, axis=1)
    heard = scipy.fft.irfft(spectrum, size, axis=1)[:, :samples]
    heard *= np.sqrt(_power(clip) / np.maximum(_power(heard), _LOWEST_POWER))[:, None]
    return heard.astype(np.float32)


def _power(clip: np.ndarray) -> np.ndarray:
    """float32[clips]: mean square."""
    return np.einsum("ij,ij->i", clip, clip) / clip.shape[1]


def _turned(clips: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Each clip from `samples` on, then its beginning: all of it is heard."""
    index = (np.arange(clips.shape[1]) + samples[:, None]) % clips.shape[1]
    return np.take_along_axis(clips, index, axis=1)


def resample(pcm: np.ndarray, speed: np.ndarray, shift_samples: np.ndarray) -> np.ndarray:
    """Play faster or slower about the middle and move; samples from outside the clip are zero.

    Cubic interpolation (Catmull and Rom, 1974): linear interpolation would dull a varying part of
    the high frequencies.

    Returns:
        float32[clips, samples].
    """
    clips, samples = pcm.shape
    middle = (samples - 1) / 2.0
    offset = middle + shift_samples - middle * speed
    position = np.arange(samples) * speed[:, None] + offset[:, None]
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
