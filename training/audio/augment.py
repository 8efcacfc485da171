"""Random changes that make a few recordings stand for many rooms, voices and distances.

What is drawn (`draw`) is apart from what is done with it (`apply`), and both work on whole
batches. Every clip of a batch gets values of its own. `python -m training.audio.augment` measures
the speed on this machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from training.recipe import AugmentConfig

# Clips worked on at a time: their float copies stay inside the processor's second-level cache.
_CHUNK_CLIPS = 8
_LOWEST_POWER = 1e-3
"""Power of a clip of digital zeros, in steps of int16 squared: keeps the division defined."""


@dataclass(frozen=True)
class Draws:
    """What happens to each clip of a batch; every field has one entry a clip."""

    speed: np.ndarray
    """float64; above 1 the word is spoken faster and higher."""
    shift_samples: np.ndarray
    """float64; above 0 the word comes earlier."""
    gain_db: np.ndarray
    """float64; applied after noise is mixed in."""
    snr_db: np.ndarray
    """float64; power of the clip over power of the noise; infinity mixes in no noise."""
    noise_start: np.ndarray
    """int64; where in the bank the noise is taken."""


def draw(
    clips: int,
    clip_samples: int,
    bank_samples: int,
    sample_rate_hz: int,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> Draws:
    """Draw the changes of `clips` clips.

    Speed is uniform in its logarithm, everything else in its own unit.
    """
    shift_samples = config.shift_ms * sample_rate_hz / 1_000.0
    snr_db = rng.uniform(config.snr_min_db, config.snr_max_db, clips)
    noisy = rng.random(clips) < config.noise_probability
    return Draws(
        speed=np.exp(rng.uniform(np.log(config.speed_min), np.log(config.speed_max), clips)),
        shift_samples=rng.uniform(-shift_samples, shift_samples, clips),
        gain_db=rng.uniform(config.gain_min_db, config.gain_max_db, clips),
        snr_db=np.where(noisy, snr_db, np.inf),
        noise_start=rng.integers(0, bank_samples - clip_samples + 1, clips),
    )


def augment(
    pcm: np.ndarray,
    noise: np.ndarray,
    sample_rate_hz: int,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> np.ndarray:
    """Change speed, position, noise and level of every clip at random.

    Args:
        pcm: int16[clips, samples].
        noise: int16[n], n >= samples: the bank (`training.audio.noise.noise_bank`).
        sample_rate_hz: of both.
        config: ranges.
        rng: source of randomness; the same state gives the same result.

    Returns:
        int16[clips, samples], a new array.
    """
    clips, samples = pcm.shape
    draws = draw(clips, samples, noise.size, sample_rate_hz, config, rng)
    return apply(pcm, noise, draws)


def apply(pcm: np.ndarray, noise: np.ndarray, draws: Draws) -> np.ndarray:
    """Do what was drawn: speed and shift, then noise, then gain; the result saturates.

    Args:
        pcm: int16[clips, samples].
        noise: int16[n], n >= samples.
        draws: one entry a clip.

    Returns:
        int16[clips, samples], a new array.
    """
    result = np.empty_like(pcm)
    for first in range(0, len(pcm), _CHUNK_CLIPS):
        rows = slice(first, first + _CHUNK_CLIPS)
        clip = _resample(pcm[rows], draws.speed[rows], draws.shift_samples[rows])
        clip += _scaled_noise(clip, noise, draws.noise_start[rows], draws.snr_db[rows])
        clip *= (10.0 ** (draws.gain_db[rows] / 20.0)).astype(np.float32)[:, None]
        np.rint(clip, out=clip)
        np.clip(clip, -32_768.0, 32_767.0, out=clip)
        result[rows] = clip
    return result


def _resample(pcm: np.ndarray, speed: np.ndarray, shift_samples: np.ndarray) -> np.ndarray:
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


def _scaled_noise(
    clip: np.ndarray, noise: np.ndarray, start: np.ndarray, snr_db: np.ndarray
) -> np.ndarray:
    """float32[clips, samples]: noise at the wanted ratio below each clip."""
    samples = clip.shape[1]
    rows = np.lib.stride_tricks.sliding_window_view(noise, samples)[start].astype(np.float32)
    clip_power = np.einsum("ij,ij->i", clip, clip) / samples
    noise_power = np.einsum("ij,ij->i", rows, rows) / samples
    ratio = clip_power / np.maximum(noise_power, _LOWEST_POWER)
    rows *= (np.sqrt(ratio) * 10.0 ** (-snr_db / 20.0)).astype(np.float32)[:, None]
    return rows


def main() -> None:
    """Print how many one-second clips one core augments in a second of its time."""
    rng = np.random.default_rng(0)
    clips, rate_hz, rounds = 512, 16_000, 5
    pcm = rng.integers(-20_000, 20_000, (clips, rate_hz), dtype=np.int16)
    noise = rng.integers(-20_000, 20_000, 60 * rate_hz, dtype=np.int16)
    seconds = []
    for _ in range(rounds):
        begin = time.process_time()
        augment(pcm, noise, rate_hz, AugmentConfig(), rng)
        seconds.append(time.process_time() - begin)
    print(f"{clips / min(seconds):,.0f} clips per second of one core (best of {rounds})")


if __name__ == "__main__":
    main()
