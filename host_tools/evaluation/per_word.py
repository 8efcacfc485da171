"""A threshold for each word, from what one threshold for all has shown.

Words share the refractory time and the loudest wins, so counts of single words do not add up
exactly: the settings that are proposed here are replayed by the deployed C before one is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from host_tools.evaluation.det import Sweep
from host_tools.evaluation.detector import HYSTERESIS, ONE_Q15, Setting


def per_word_settings(found: Sweep, allowed_events: int, half: int = 0) -> list[Setting]:
    """One setting for each length of smoothing: the fewest misses in all at so few false accepts.

    Args:
        found: of settings with one threshold for all words.
        allowed_events: false accepts of distinct audio.
        half: that is counted.

    Returns:
        Those that some thresholds allow, without those in `found`.
    """
    budget = int(allowed_events * found.passes)
    lengths = sorted({one.smoothing_steps for one in found.settings})
    proposed = [_cheapest(found, found.curve(length), budget, half) for length in lengths]
    return [one for one in proposed if one is not None and one not in found.settings]


def _cheapest(found: Sweep, curve: Sequence[int], budget: int, half: int) -> Setting | None:
    """Dynamic programming over the words: `best[n]` has n false accepts or fewer so far.

    It is misses and thresholds, these negative, so that the higher ones are taken on ties.
    """
    words = [c for c, threshold in enumerate(found.settings[curve[0]].threshold_q15) if threshold]
    best: list[tuple[int, tuple[int, ...]] | None] = [(0, ())] * (budget + 1)
    for word in words:
        options = _options(found, curve, word, half)
        best = [
            min(
                (
                    (before[0] + misses, (*before[1], -threshold_q15))
                    for false, misses, threshold_q15 in options
                    if false <= events and (before := best[events - false]) is not None
                ),
                default=None,
            )
            for events in range(budget + 1)
        ]
    chosen = best[budget]
    if chosen is None:
        return None
    thresholds = {word: -negative for word, negative in zip(words, chosen[1], strict=True)}
    like = found.settings[curve[0]]
    return Setting(
        smoothing_steps=like.smoothing_steps,
        refractory_steps=like.refractory_steps,
        hysteresis_q15=min(min(thresholds.values()) // 2, round(HYSTERESIS * ONE_Q15)),
        threshold_q15=tuple(thresholds.get(c, 0) for c in range(len(like.threshold_q15))),
    )


def _options(
    found: Sweep, curve: Sequence[int], word: int, half: int
) -> list[tuple[int, int, int]]:
    """(false accepts, misses, threshold) of one word, for each threshold of the curve."""
    return [
        (
            int(tally.false_accepts[word]),
            int(tally.spoken[word] - tally.hits[word]),
            found.settings[index].threshold_q15[word],
        )
        for index in curve
        for tally in [found.tallies[half][index]]
    ]
