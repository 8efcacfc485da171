"""Longer and shorter vocal tracts, by the front-end itself.

A vocal tract that is shorter by a factor moves every formant up by it. A front-end whose band
limits are scaled down hears the recorded voice so: nothing is resampled and the pitch stays
(Jaitly and Hinton, 2013). Between the limits, the mel scale's bend below 700 Hz makes the factor
a little uneven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.errors import UserError
from training.features import Frontend
from training.recipe import AugmentConfig, FrontendConfig

STEPS = 11
"""Scales that are drawn from: steps of at most 3 % between .86 and 1.12 are below hearing."""


def vocal_tract_scales(config: AugmentConfig) -> np.ndarray:
    """float64[n]: factors of the band limits, evenly spaced in their logarithm; 1 is among them."""
    low, high = np.log(config.vocal_tract_min), np.log(config.vocal_tract_max)
    if low == high:
        return np.ones(1)
    scales = np.exp(np.linspace(low, high, STEPS))
    scales[np.argmin(np.abs(np.log(scales)))] = 1.0
    return scales


def scaled_frontends(frontend: FrontendConfig, config: AugmentConfig) -> list[Frontend]:
    """A front-end for each of `vocal_tract_scales`.

    Half the sample rate stays the upper end of the band. Where narrower bands would leave a mel
    filter without any bin of the spectrum, the recipe's own front-end stands in.
    """
    own = Frontend(frontend)
    return [
        own if scale == 1.0 else _scaled(frontend, scale) or own
        for scale in vocal_tract_scales(config)
    ]


def features(pcm: np.ndarray, vocal_tract: np.ndarray, frontends: Sequence[Frontend]) -> np.ndarray:
    """Features of each clip by the front-end drawn for it.

    Args:
        pcm: int16[clips, samples].
        vocal_tract: int64[clips]; index into `frontends`.
        frontends: from `scaled_frontends`.

    Returns:
        int8[clips, frames, bins].
    """
    result = np.empty((len(pcm), frontends[0].frames_of(pcm.shape[1]), frontends[0].bins), np.int8)
    for index, frontend in enumerate(frontends):
        rows = np.flatnonzero(vocal_tract == index)
        result[rows] = frontend.batch(pcm[rows], threads=1)
    return result


def _scaled(frontend: FrontendConfig, scale: float) -> Frontend | None:
    highest_hz = frontend.sample_rate_hz / 2
    try:
        return Frontend(
            replace(
                frontend,
                low_hz=frontend.low_hz * scale,
                high_hz=min(frontend.high_hz * scale, highest_hz),
            )
        )
    except UserError:
        return None
