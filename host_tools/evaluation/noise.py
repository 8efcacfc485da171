"""Where the word lies in a recording, how loud it is, and noise at a wanted distance from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.fft import next_fast_len

Kind = Literal["white", "pink", "babble"]
KINDS: tuple[Kind, ...] = ("white", "pink", "babble")

BABBLE_TALKERS = 6
"""Voices that speak at a time."""

_FRAME_S = 0.01
_SMOOTH_FRAMES = 3
_BELOW_PEAK_DB = 25.0
_ABOVE_FLOOR_DB = 9.0
_LEAST_RANGE_DB = 6.0
_FLOOR_PERCENTILE = 10
_LEAST_POWER = 1.0
"""Of an int16 signal: what is below counts as silence."""

INT16_MIN, INT16_MAX = -32_768, 32_767


@dataclass(frozen=True)
class Word:
    """The stretch of a recording in which somebody speaks, as its energy tells.

    Attributes:
        start: first sample.
        end: one after the last.
        power: mean square of int16 samples over the frames that are loud.
    """

    start: int
    end: int
    power: float


def find_word(pcm: np.ndarray, sample_rate_hz: int) -> Word:
    """Find the loud stretch of a recording.

    A frame of 10 ms is loud when its energy, smoothed over three, is within 25 dB of the loudest
    and 9 dB above the quiet tenth of the recording; always when within 6 dB of the loudest.

    Args:
        pcm: int16[n], n > 0.
    """
    frame = max(1, round(_FRAME_S * sample_rate_hz))
    count = -(-pcm.size // frame)
    squares = np.zeros(count * frame)
    squares[: pcm.size] = pcm.astype(np.float64) ** 2
    power = squares.reshape(count, frame).mean(axis=1)
    around = np.pad(power, _SMOOTH_FRAMES // 2, mode="edge")
    smooth = np.convolve(around, np.full(_SMOOTH_FRAMES, 1 / _SMOOTH_FRAMES), mode="valid")
    level_db = 10 * np.log10(np.maximum(smooth, _LEAST_POWER))
    peak_db, floor_db = level_db.max(), float(np.percentile(level_db, _FLOOR_PERCENTILE))
    threshold_db = max(peak_db - _BELOW_PEAK_DB, floor_db + _ABOVE_FLOOR_DB)
    loud = np.flatnonzero(level_db >= min(threshold_db, peak_db - _LEAST_RANGE_DB))
    return Word(
        start=int(loud[0]) * frame,
        end=min(pcm.size, (int(loud[-1]) + 1) * frame),
        power=max(_LEAST_POWER, float(power[loud].mean())),
    )


def noise_gain(speech_power: float, snr_db: float) -> float:
    """Factor for noise of power 1 that puts it `snr_db` below speech of that power."""
    return float(np.sqrt(speech_power / 10 ** (snr_db / 10)))


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Rounded and clipped int16[n] of float[n] in steps of int16."""
    return np.clip(np.rint(samples), INT16_MIN, INT16_MAX).astype(np.int16)


class NoiseSource:
    """Noise of mean power 1, made anew for each random generator.

    Args:
        babble: recordings int16[n] of speech that babble is made of; may be empty when none of
            `babble` kind is asked for.
        sample_rate_hz: of them.
    """

    def __init__(self, babble: Sequence[np.ndarray], sample_rate_hz: int) -> None:
        self._talkers = [_at_power_one(pcm, sample_rate_hz) for pcm in babble]

    def make(self, kind: Kind, samples: int, rng: np.random.Generator) -> np.ndarray:
        """float32[samples] of mean power 1.

        Raises:
            ValueError: babble without recordings.
        """
        noise: np.ndarray
        if kind == "white":
            noise = rng.standard_normal(samples, dtype=np.float32)
        elif kind == "pink":
            noise = _pink(samples, rng)
        else:
            noise = self._babble(samples, rng)
        power = float(np.mean(np.square(noise, dtype=np.float64)))
        return noise * np.float32(1 / np.sqrt(power)) if power > 0 else noise

    def _babble(self, samples: int, rng: np.random.Generator) -> np.ndarray:
        if not self._talkers:
            raise ValueError("babble needs recordings of speech")
        mixed = np.zeros(samples, np.float32)
        for _ in range(BABBLE_TALKERS):
            # Each voice is in the middle of something when the recording begins.
            position = -int(rng.integers(self._talkers[0].size))
            while position < samples:
                spoken = self._talkers[int(rng.integers(len(self._talkers)))]
                start, end = max(0, position), min(samples, position + spoken.size)
                if end > start:
                    mixed[start:end] += spoken[start - position : end - position]
                position += spoken.size
        return mixed


def _at_power_one(pcm: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """float32[word's samples]: the loud stretch alone, so that talkers make no pauses."""
    word = find_word(pcm, sample_rate_hz)
    scale = np.float32(1 / np.sqrt(word.power))
    return pcm[word.start : word.end].astype(np.float32) * scale


def _pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    """float32[samples] with a power that falls by 3 dB an octave, shaped in the spectrum."""
    length = next_fast_len(samples, real=True)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(1.0, np.arange(spectrum.size)))
    return np.fft.irfft(spectrum, length)[:samples].astype(np.float32)
