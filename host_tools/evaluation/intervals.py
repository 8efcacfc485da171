"""How sure a count is: rates of events in time, and paired decisions.

Shares of trials have the Wilson interval of `host_tools.statistics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import bdtr, gammaincinv

from host_tools.statistics import wilson_interval

CONFIDENCE = 0.95
SIGNIFICANCE = 1.0 - CONFIDENCE


@dataclass(frozen=True)
class Share:
    """`hits` of `trials` with the 95 % Wilson interval; all zero without trials."""

    hits: int
    trials: int
    value: float
    low: float
    high: float


def share(hits: int, trials: int, repeats: float = 1.0) -> Share:
    """A share whose interval counts each trial once.

    Args:
        repeats: how often the same recordings were used; they do not make the share surer.
    """
    if trials == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    low, high = wilson_interval(hits / repeats, trials / repeats)
    return Share(hits, trials, hits / trials, low, high)


@dataclass(frozen=True)
class Rate:
    """Events an hour with the exact two-sided 95 % Poisson interval."""

    events: int
    hours: float
    value: float
    low: float
    high: float


def rate(events: int, hours: float, repeats: float = 1.0) -> Rate:
    """A rate whose interval counts each hour of audio once.

    Args:
        hours: > 0, as long as was listened.
        repeats: how often the same audio was heard in them.
    """
    low, high = poisson_interval(events / repeats)
    distinct = hours / repeats
    return Rate(events, hours, events / hours, low / distinct, high / distinct)


def poisson_interval(events: float) -> tuple[float, float]:
    """Exact two-sided 95 % interval of a Poisson mean (Garwood 1936).

    Args:
        events: seen, >= 0; a mean of repeated counts need not be whole.
    """
    tail = SIGNIFICANCE / 2
    low = float(gammaincinv(events, tail)) if events > 0 else 0.0
    return low, float(gammaincinv(events + 1, 1 - tail))


def poisson_upper(events: float) -> float:
    """Exact one-sided 95 % upper bound of a Poisson mean; 3.0 for no event ("rule of three")."""
    return float(gammaincinv(events + 1, CONFIDENCE))


def resolvable_per_hour(distinct_hours: float) -> float:
    """The lowest rate that so much audio can show with 95 % confidence: no event, rule of three."""
    return poisson_upper(0) / distinct_hours


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided p-value of McNemar's exact test (binomial over the clips that tell two models).

    Args:
        only_first: clips that only the first model hears right.
        only_second: clips that only the second model hears right.
    """
    telling = only_first + only_second
    if telling == 0:
        return 1.0
    return min(1.0, 2.0 * float(bdtr(min(only_first, only_second), telling, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for the number of comparisons (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [0.0] * len(p_values)
    greatest = 0.0
    for rank, index in enumerate(order):
        greatest = max(greatest, min(1.0, (len(order) - rank) * p_values[index]))
        corrected[index] = greatest
    return corrected
