"""The plots of an evaluation, as SVG text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from host_tools.report.figures import BLUE, GREEN, GREY, INK, ORANGE, STYLE, confusion_matrix, svg

_WIDTH_INCHES = 8.0
_COLOURS = (BLUE, ORANGE, GREEN, "#9333ea", "#dc2626", "#0891b2", "#ca8a04", "#be185d", "#475569")
_MISS_TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
_MISS_RANGE = (0.0005, 0.98)
_LATENCY_BINS = 25


def plots(model: Mapping[str, Any]) -> dict[str, str]:
    """All plots of one model of evaluation.json, by file name without ending."""
    found = {}
    if model["streams"]:
        steps = model["chosen"]["smoothing_steps"]
        found["det"] = det_curves(
            {one["condition"]: _curve(one["points"], steps) for one in model["streams"]},
            {one["condition"]: one["reported"] for one in model["streams"]},
            "all words",
        )
        chosen = next(
            one for one in model["streams"] if one["condition"] == model["chosen"]["condition"]
        )
        found["det-words"] = det_curves(
            {word["word"]: word["points"] for word in chosen["words"]},
            {},
            f"each word, {chosen['condition']}",
        )
        latencies = {
            one["condition"]: one["latency"]["all_s"] for one in model["streams"] if one["latency"]
        }
        if latencies:
            found["latency"] = latency_histogram(latencies)
    if model["clips"]:
        first = model["clips"][0]
        found["confusion"] = confusion_matrix(model["model"]["labels"], first["confusion"])
        found["conditions"] = condition_bars(model["clips"])
    return found


def _curve(points: Sequence[Mapping[str, Any]], smoothing_steps: int) -> list[Mapping[str, Any]]:
    return [one for one in points if one["smoothing_steps"] == smoothing_steps]


def det_curves(
    curves: Mapping[str, Sequence[Mapping[str, Any]]],
    marked: Mapping[str, Mapping[str, Any]],
    title: str,
) -> str:
    """Miss rate (normal deviate) against false accepts an hour (logarithmic).

    Args:
        curves: points by name; thresholds ascending.
        marked: figures to mark on a curve, with both intervals, by the same names.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, 5.2), layout="constrained")
        axes = figure.subplots()
        rates = [p["figures"]["false_accepts"] for points in curves.values() for p in points]
        least = min((one["value"] for one in rates if one["events"]), default=0.1) / 2
        colours = dict(zip(curves, itertools.cycle(_COLOURS), strict=False))
        for name, points in curves.items():
            x = [max(p["figures"]["false_accepts"]["value"], least) for p in points]
            y = [_deviate(p["figures"]["miss"]["value"]) for p in points]
            corners = dict.fromkeys(zip(x, y, strict=True))  # many thresholds, one figure
            axes.plot(*zip(*corners, strict=True), lw=1.6, color=colours[name], label=name)
        for name, one in marked.items():
            _cross(axes, one, colours[name], least)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.axvspan(axes.get_xlim()[0], least * 1.2, color=GREY, alpha=0.08, lw=0)
        ticks = [_deviate(one) for one in _MISS_TICKS]
        axes.set_yticks(ticks, [f"{one:.1%}" for one in _MISS_TICKS])
        axes.set_ylim(_deviate(_MISS_RANGE[0]), _deviate(_MISS_RANGE[1]))
        axes.set_xlabel("false accepts an hour (grey: none was seen)")
        axes.set_ylabel("words missed")
        axes.set_title(title, loc="left", fontweight="bold")
        axes.grid()
        axes.legend(frameon=False, fontsize=8, ncols=2)
        return svg(figure)


def _deviate(share: float) -> float:
    return float(ndtri(np.clip(share, *_MISS_RANGE)))


def _cross(axes: Axes, one: Mapping[str, Any], colour: str, least: float) -> None:
    """A point with both 95 % intervals."""
    miss, false = one["miss"], one["false_accepts"]
    x, y = max(false["value"], least), _deviate(miss["value"])
    axes.plot(x, y, "o", color=colour, ms=6, mec=INK)
    axes.plot([max(false["low"], least), false["high"]], [y, y], color=colour, lw=3, alpha=0.3)
    axes.plot(
        [x, x], [_deviate(miss["low"]), _deviate(miss["high"])], color=colour, lw=3, alpha=0.3
    )


def latency_histogram(latencies: Mapping[str, Sequence[float]]) -> str:
    """Seconds from the end of a word to its event, for each condition."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, 3.0), layout="constrained")
        axes = figure.subplots()
        everything = np.concatenate([np.asarray(one) for one in latencies.values()])
        edges = np.linspace(everything.min(), everything.max() + 1e-3, _LATENCY_BINS).tolist()
        colours = itertools.cycle(_COLOURS)
        for name, seconds in latencies.items():
            colour = next(colours)
            axes.hist(seconds, bins=edges, histtype="step", lw=1.5, color=colour, label=name)
        axes.axvline(0, color=GREY, lw=1)
        axes.set_xlabel("seconds after the end of the word")
        axes.set_ylabel("words heard")
        axes.legend(frameon=False, fontsize=8)
        return svg(figure)


def condition_bars(clips: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy of single clips in each condition with its 95 % Wilson interval."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, 0.9 + 0.3 * len(clips)), layout="constrained")
        axes = figure.subplots()
        for row, one in enumerate(clips):
            reached = one["accuracy"]
            bounds = [100 * reached["low"], 100 * reached["high"]]
            axes.plot(bounds, [row, row], color=BLUE, lw=6, alpha=0.25)
            axes.plot(100 * reached["value"], row, "o", color=BLUE, ms=6)
        axes.set_yticks(range(len(clips)), [one["condition"] for one in clips])
        axes.set_ylim(len(clips) - 0.5, -0.5)
        axes.set_xlabel("accuracy on single clips in %, with the 95 % Wilson interval")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        return svg(figure)
