"""Two clips at once or one after the other, in the domain of features.

Nobody knows what such a mix should be called, so it has no label: a teacher's soft answer to it is
what a student learns from.
"""

from __future__ import annotations

import numpy as np

from training.recipe import AugmentConfig, FrontendConfig

_LOWEST, _HIGHEST = -128, 127
_DB_PER_OCTAVE = 10.0 * np.log10(2.0)
"""Of power: features count octaves of power."""
_CUT_WITHIN = (0.25, 0.75)
"""Part of the clip in which the second one takes over from the first."""


def add_in_power(first: np.ndarray, second: np.ndarray, step_log2: float) -> np.ndarray:
    """Features of two sounds at once: the powers add, apart from their phases.

    log2(2**a + 2**b) = max(a, b) + log2(1 + 2**-|a - b|), whose second term is a table of whole
    steps: no more than half a step off, as much as any feature is rounded.

    Args:
        first: int8[...].
        second: int16[...] of the same shape.
        step_log2: octaves of power a feature step.

    Returns:
        int8[...], saturated.
    """
    apart = np.abs(first - second.astype(np.int16))
    octaves = np.arange(int(apart.max(initial=0)) + 1) * step_log2
    rise = np.rint(np.log2(1.0 + np.exp2(-octaves)) / step_log2).astype(np.int16)
    total = np.maximum(first, second)
    total += rise[apart]
    return np.clip(total, _LOWEST, _HIGHEST).astype(np.int8)


def mix(
    first: np.ndarray,
    second: np.ndarray,
    frontend: FrontendConfig,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> np.ndarray:
    """Bring each clip together with another one, at once or one after the other.

    Args:
        first: int8[clips, frames, bins], augmented.
        second: the same shape; the clips in any order.
        frontend: what a feature step is.
        config: how far below the second is, and how often it comes after the first.
        rng: source of randomness.

    Returns:
        int8[clips, frames, bins].
    """
    clips, frames, _ = first.shape
    below_db = rng.uniform(0.0, config.mix_below_max_db, (clips, 1, 1))
    below = np.rint(below_db / (_DB_PER_OCTAVE * frontend.step_log2)).astype(np.int16)
    after = rng.random(clips) < config.mix_after_share
    cut = rng.integers(round(_CUT_WITHIN[0] * frames), round(_CUT_WITHIN[1] * frames) + 1, clips)
    result = add_in_power(first, second - below, frontend.step_log2)
    later = np.arange(frames) >= cut[:, None]
    joined = np.where(later[after, :, None], second[after], first[after])
    result[after] = joined
    return result


def mixed_pass(
    bank: np.ndarray,
    number: int,
    frontend: FrontendConfig,
    config: AugmentConfig,
    seed: int,
) -> np.ndarray:
    """Pass `number` of mixes from a bank int8[passes, clips, frames, bins].

    Returns:
        int8[clips, frames, bins].
    """
    rng = np.random.default_rng((seed, number, len(bank)))
    partner = bank[rng.integers(len(bank))]
    order = rng.permutation(len(partner))
    return mix(np.asarray(bank[number % len(bank)]), partner[order], frontend, config, rng)
