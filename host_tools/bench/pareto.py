"""Accuracy of models over what they cost, with those that nothing beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from host_tools.report.figures import BLUE, GREY, INK, ORANGE, STYLE, svg

SIZE_INCHES = (10.0, 4.6)
COLOURS = {"baseline": INK, "rival": ORANGE, "method": BLUE}
DEPTH_POINTS = 12.0
"""The picture ends so far below the most accurate model; what is worse lies on its floor."""
ABOVE, BELOW = (3, 8), (3, -10)
AXES = {"flash_bytes": "flash of the constants in bytes", "instructions": "instructions, estimated"}


def unbeaten(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which of (cost, accuracy) nothing costs less than and is as accurate, cheapest first."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    kept: list[int] = []
    for i in order:
        if not kept or points[i][1] > points[kept[-1]][1]:
            kept.append(i)
    return kept


def pareto_plot(rows: Sequence[Mapping[str, Any]]) -> str:
    """SVG text: accuracy over flash and over instructions.

    Args:
        rows: of `compression.json`. Hollow marks cannot be deployed yet, triangles are worse than
            the picture is deep; rows without figures are left out.
    """
    shown = [row for row in rows if "figures" in row]
    matplotlib.use("agg")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        for axes, (key, label) in zip(figure.subplots(1, 2), AXES.items(), strict=True):
            _draw(axes, [row for row in shown if row["figures"][key] is not None], key)
            axes.set_xlabel(label)
            axes.set_ylabel("accuracy, int8, in %")
        figure.axes[0].legend(fontsize=7)
        return svg(figure)


def _draw(axes: Axes, rows: Sequence[Mapping[str, Any]], key: str) -> None:
    points = [(row["figures"][key], 100 * row["figures"]["accuracy"]) for row in rows]
    floor = max(accuracy for _, accuracy in points) - DEPTH_POINTS
    for kind, colour in COLOURS.items():
        for marker, low in (("o", False), ("v", True)):
            mine = [
                (row["needs"], cost, max(accuracy, floor))
                for row, (cost, accuracy) in zip(rows, points, strict=True)
                if row["kind"] == kind and (accuracy < floor) == low
            ]
            axes.scatter(
                [cost for _, cost, _ in mine],
                [accuracy for _, _, accuracy in mine],
                facecolors=["none" if needs else colour for needs, _, _ in mine],
                edgecolors=colour,
                marker=marker,
                label=None if low else kind,
            )
    # What cannot be deployed beats nothing.
    real = [i for i, row in enumerate(rows) if not row["needs"]]
    best = [real[i] for i in unbeaten([points[i] for i in real])]
    axes.step(*zip(*(points[i] for i in best), strict=True), where="post", color=GREY, zorder=0)
    # Neighbours are close: every other name stands below its mark.
    for place, i in enumerate(best):
        where = BELOW if place % 2 else ABOVE
        axes.annotate(
            rows[i]["name"], points[i], fontsize=6, xytext=where, textcoords="offset points"
        )
