"""Other voices by other front-ends: vocal tract and tempo change without touching the waveform.

A vocal tract that is shorter by a factor moves every formant up by it. A front-end whose band
limits are scaled down hears the recorded voice so: nothing is resampled and the pitch stays
(Jaitly and Hinton, 2013). Between the limits, the mel scale's bend below 700 Hz makes the factor
a little uneven.

A front-end whose windows are further apart hears the word faster and at its own pitch: exactly
what time stretching imitates. Together with the speed, which moves tempo and pitch, each of pitch,
tempo and formants is drawn apart from the others.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from training.errors import UserError
from training.features import Frontend
from training.recipe import AugmentConfig, FrontendConfig

VOCAL_TRACT_STEPS = 11
"""Scales that are drawn from: steps of at most 3 % between .86 and 1.12."""
TEMPO_STEPS = 7
"""Tempi that are drawn from."""


def vocal_tract_scales(config: AugmentConfig) -> np.ndarray:
    """float64[n]: factors of the band limits, evenly spaced in their logarithm; 1 is among them."""
    return _steps(config.vocal_tract_min, config.vocal_tract_max, VOCAL_TRACT_STEPS)


def tempi(config: AugmentConfig) -> np.ndarray:
    """float64[n]: factors of the hop, evenly spaced in their logarithm; 1 is among them."""
    return _steps(config.tempo_min, config.tempo_max, TEMPO_STEPS)


def heard_samples(frontend: FrontendConfig, config: AugmentConfig) -> int:
    """Length of the clips that `Hearing` takes: the recipe's, and what the fastest tempo needs.

    The difference is even, so that the recipe's clip stands in the middle to the sample.
    """
    further = int(_hops(frontend, config)[-1]) - frontend.hop_samples
    return frontend.clip_samples + 2 * -(-(frontend.frames - 1) * further // 2)


@dataclass(frozen=True)
class Hearing:
    """Front-ends of one recipe for every vocal tract and tempo. Thread-safe."""

    frontends: tuple[tuple[Frontend, ...], ...]
    """By vocal tract and tempo."""
    frames: int
    samples: int
    """Length of the clips, from `heard_samples`; the recipe's clip is in the middle of it."""
    first: tuple[int, ...]
    """By tempo: the sample with which the first window begins."""

    def features(self, pcm: np.ndarray, vocal_tract: np.ndarray, tempo: np.ndarray) -> np.ndarray:
        """Features of each clip by the front-end drawn for it.

        Args:
            pcm: int16[clips, samples].
            vocal_tract: int64[clips]; index into `vocal_tract_scales`.
            tempo: int64[clips]; index into `tempi`.

        Returns:
            int8[clips, frames, bins].
        """
        bins = self.frontends[0][0].bins
        result = np.empty((len(pcm), self.frames, bins), np.int8)
        for (scale, row), (step, first) in itertools.product(
            enumerate(self.frontends), enumerate(self.first)
        ):
            chosen = np.flatnonzero((vocal_tract == scale) & (tempo == step))
            if chosen.size:
                heard = row[step].batch(pcm[chosen, first:], threads=1)
                result[chosen] = heard[:, : self.frames]
        return result


def hearing(frontend: FrontendConfig, config: AugmentConfig) -> Hearing:
    """Make every front-end that a recipe draws from.

    Half the sample rate stays the upper end of the band. Where narrower bands would leave a mel
    filter without any bin of the spectrum, the recipe's own band stands in.
    """
    samples, hops = heard_samples(frontend, config), _hops(frontend, config)
    edge = (samples - frontend.clip_samples) // 2
    return Hearing(
        frontends=tuple(
            tuple(_scaled(replace(frontend, hop_samples=int(hop)), scale) for hop in hops)
            for scale in vocal_tract_scales(config)
        ),
        frames=frontend.frames,
        samples=samples,
        first=tuple(
            edge - (frontend.frames - 1) * (int(hop) - frontend.hop_samples) // 2 for hop in hops
        ),
    )


def _hops(frontend: FrontendConfig, config: AugmentConfig) -> np.ndarray:
    """int64[tempi]: samples from window to window; the front-end allows at most a window."""
    hops = np.rint(frontend.hop_samples * tempi(config)).astype(np.int64)
    return np.clip(hops, 1, frontend.window_samples)


def _steps(low: float, high: float, count: int) -> np.ndarray:
    """float64[n]: evenly spaced in their logarithm; the one nearest to 1 is 1."""
    if low == high:
        return np.ones(1)
    values = np.exp(np.linspace(np.log(low), np.log(high), count))
    values[np.argmin(np.abs(np.log(values)))] = 1.0
    return values


def _scaled(frontend: FrontendConfig, scale: float) -> Frontend:
    highest_hz = frontend.sample_rate_hz / 2
    scaled = replace(
        frontend,
        low_hz=frontend.low_hz * scale,
        high_hz=min(frontend.high_hz * scale, highest_hz),
    )
    try:
        return Frontend(scaled)
    except UserError:
        return Frontend(frontend)
