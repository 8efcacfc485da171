"""Noise: the bank that augmentation mixes from, and clips for the class `_silence_`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GENERATED_BANK_CLIPS = 90
"""Clips of generated noise in a bank when there are no recordings of noise."""

SPECTRAL_SLOPES = (0.0, 1.0, 2.0)
"""Power falls with frequency to this power: white, pink and brown noise."""

SILENCE_PEAK_DB = -12.0
SILENCE_FLOOR_DB = -72.0
"""Generated silence has an RMS level between these, relative to full scale."""

CUT_GAIN_FLOOR_DB = -30.0
"""Noise cut for `_silence_` is attenuated by up to this much: rooms differ."""

_FULL_SCALE = 32_767.0
# A first bin of zero hertz would have infinite power in pink and brown noise.
_LOWEST_BIN = 1.0


def coloured_noise(
    clips: int, samples: int, slopes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Noise whose power density falls as `1 / frequency ** slope`.

    Made by shaping the spectrum of white noise (Timmer and Koenig, 1995).

    Args:
        clips: rows wanted.
        samples: length of each.
        slopes: float[clips]; 0 is white, 1 pink, 2 brown.
        rng: source of randomness.

    Returns:
        float32[clips, samples] of mean 0 and RMS 1.
    """
    bins = samples // 2 + 1
    frequency = np.maximum(np.arange(bins, dtype=np.float32), _LOWEST_BIN)
    shape = frequency[None, :] ** (-0.5 * slopes[:, None])
    spectrum = rng.standard_normal((clips, bins, 2), dtype=np.float32).view(np.complex64)[..., 0]
    noise = np.fft.irfft(spectrum * shape, n=samples, axis=1)
    noise -= noise.mean(axis=1, keepdims=True)
    return (noise / np.sqrt(np.mean(noise**2, axis=1, keepdims=True))).astype(np.float32)


def generated_silence(clips: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Clips of noise of random colour and level, for corpora without any recorded noise.

    Returns:
        int16[clips, samples].
    """
    noise = coloured_noise(clips, samples, rng.uniform(0.0, max(SPECTRAL_SLOPES), clips), rng)
    level_db = rng.uniform(SILENCE_FLOOR_DB, SILENCE_PEAK_DB, (clips, 1))
    scaled = noise * (_FULL_SCALE * 10.0 ** (level_db / 20.0))
    return np.clip(np.rint(scaled), -_FULL_SCALE - 1.0, _FULL_SCALE).astype(np.int16)


def cut_silence(
    noises: Sequence[np.ndarray], clips: int, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Cut clips for `_silence_` from long recordings of noise, each at a random level.

    Args:
        noises: int16[n] each, at least one of `samples` or more.
        clips: rows wanted.
        samples: length of each.
        rng: source of randomness.

    Returns:
        int16[clips, samples].
    """
    long_enough = [noise for noise in noises if noise.size >= samples]
    rows = np.empty((clips, samples), np.int16)
    for row in rows:
        noise = long_enough[rng.integers(len(long_enough))]
        start = rng.integers(noise.size - samples + 1)
        gain = 10.0 ** (rng.uniform(CUT_GAIN_FLOOR_DB, 0.0) / 20.0)
        row[:] = np.rint(noise[start : start + samples] * gain)
    return rows


def noise_bank(
    silence: np.ndarray, backgrounds: Sequence[np.ndarray], samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Everything that augmentation may mix in, one recording after the other.

    Generated noise stands in when there are no recordings.

    Args:
        silence: int16[clips, samples] of the training set's class `_silence_`.
        backgrounds: int16[n] each: the training part of long recordings of noise.
        samples: clip length; the bank is at least that long.
        rng: source of randomness.

    Returns:
        int16[n], n >= samples.
    """
    parts = [silence.reshape(-1), *backgrounds]
    bank = np.concatenate(parts).astype(np.int16)
    if bank.size < samples or not bank.any():
        slopes = np.resize(np.asarray(SPECTRAL_SLOPES), GENERATED_BANK_CLIPS)
        noise = coloured_noise(GENERATED_BANK_CLIPS, samples, slopes, rng)
        # A quarter of full scale keeps the peaks; mixing sets the level anyway.
        peak = np.abs(noise).max(axis=1, keepdims=True)
        bank = np.rint(noise / peak * (_FULL_SCALE / 4.0)).astype(np.int16).reshape(-1)
    return bank
