"""Sounds that need no recordings."""

from __future__ import annotations

import numpy as np

CLOCK_HZ = 16_000


def sounds(seconds: int) -> np.ndarray:
    """Chirps in noise, int16[seconds * rate], in which the shipped model hears many words."""
    rng = np.random.default_rng(12)
    sweep = np.linspace(0.5, 1.5, CLOCK_HZ)
    phase = np.cumsum(rng.uniform(0.02, 0.4, (seconds, 1)) * sweep, axis=1)
    noise = rng.normal(0, 1, (seconds, CLOCK_HZ)) * rng.uniform(10, 2_000, (seconds, 1))
    return (6_000 * np.sin(phase) + noise).round().astype(np.int16).reshape(-1)
