"""Intervals for counted results."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson_interval(hits: float, trials: float) -> tuple[float, float]:
    """95 % Wilson score interval of a proportion (Wilson 1927).

    Args:
        hits: successes, 0 <= hits <= trials; a mean of repeated counts need not be whole.
        trials: independent trials, > 0.

    Returns:
        (low, high), both in 0..1.
    """
    share = hits / trials
    spread = Z_95 * Z_95 / trials
    middle = share + spread / 2
    half = Z_95 * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low = (middle - half) / (1 + spread)
    high = (middle + half) / (1 + spread)
    return (0.0 if hits == 0 else low), (1.0 if hits == trials else high)
