"""The plots, as SVG text: vector graphics that lie inside the page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from host_tools.report.facts import Rung

BLUE = "#2563eb"
ORANGE = "#ea580c"
GREEN = "#059669"
GREY = "#64748b"
INK = "#0f172a"

# Any: matplotlib types the keys as a literal of all its settings.
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": GREY,
    "axes.edgecolor": "#cbd5e1",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": INK,
    "grid.color": "#e2e8f0",
    "svg.fonttype": "none",  # letters stay letters: smaller, and found by a search
    # The same figures give the same bytes.
    "svg.hashsalt": "sotto",
}
# A tenth of a point is finer than a screen; matplotlib writes a millionth.
_PLACES = re.compile(r'\b(?:d|x|y|width|height|points|transform)="[^"]*"')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")

_WIDTH_INCHES = 8.0
_DARK_SHARE = 0.5


def training_curves(curves: Sequence[dict[str, Any]]) -> str:
    """Accuracy and loss by epoch, one panel a model."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, 2.6 * len(curves)), layout="constrained")
        panels = figure.subplots(len(curves), 2, squeeze=False)
        for (left, right), curve in zip(panels, curves, strict=True):
            _line(left, curve.get("train_accuracy", []), "training", GREY)
            tried = curve.get("validation_epochs")
            _line(left, curve.get("validation_accuracy", []), "validation", BLUE, tried)
            left.set_ylabel("accuracy")
            left.set_title(curve["name"], loc="left", fontweight="bold")
            left.legend(frameon=False, loc="lower right")
            _line(right, curve.get("loss", []), "loss", ORANGE)
            right.set_ylabel("training loss")
            for panel in (left, right):
                panel.set_xlabel("epoch")
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                panel.grid(axis="y")
        return svg(figure)


def accuracy_ladder(rungs: Sequence[Rung]) -> str:
    """A point with its 95 % interval for each model form, top to bottom down the line."""
    rows = [(rung.name, rung.accuracy, rung.low, rung.high) for rung in rungs]
    return _intervals(rows, [GREEN if rung.name.startswith("on ") else BLUE for rung in rungs])


def ablation_intervals(arms: Sequence[dict[str, Any]]) -> str:
    """Likewise for each arm of an ablation; grey is not told apart from the first."""
    rows = [(arm["name"], arm["accuracy"], arm["low"], arm["high"]) for arm in arms]
    return _intervals(rows, [BLUE, *(ORANGE if arm["told_apart"] else GREY for arm in arms[1:])])


def _intervals(rows: Sequence[tuple[str, float, float, float]], colours: Sequence[str]) -> str:
    """Name, accuracy, low and high of each row, from the top."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, 0.9 + 0.42 * len(rows)), layout="constrained")
        axes = figure.subplots()
        for row, ((_, accuracy, low, high), colour) in enumerate(zip(rows, colours, strict=True)):
            axes.plot([100 * low, 100 * high], [row, row], color=colour, lw=6, alpha=0.25)
            axes.plot(100 * accuracy, row, "o", color=colour, ms=7)
            axes.annotate(
                f"{accuracy:.2%}",
                (100 * accuracy, row),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
        axes.set_yticks(range(len(rows)), [row[0] for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.8)
        axes.set_xlabel("accuracy on the test clips in %, with the 95 % Wilson interval")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        return svg(figure)


def confusion_matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Rows are what was said, columns what the board heard; shade is the share of the row."""
    table = np.asarray(counts, dtype=np.int64)
    said = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, said, out=np.zeros(table.shape), where=said > 0)
    side = 1.6 + 0.42 * len(labels)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(min(side, _WIDTH_INCHES), min(side, 7.2)), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.argwhere(table > 0):
            dark = shares[row, column] > _DARK_SHARE
            axes.text(
                column,
                row,
                str(table[row, column]),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else INK,
            )
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axes.set_yticks(range(len(labels)), labels)
        axes.set_xlabel("heard")
        axes.set_ylabel("said")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return svg(figure)


def memory_bars(boards: Sequence[tuple[str, dict[str, int]]]) -> str:
    """One bar a kind of memory and board, in bytes, labelled with the exact count."""
    rows = [(board, kind, size) for board, kinds in boards for kind, size in kinds.items()]
    colours = {"flash": BLUE, "RAM": ORANGE}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, 0.7 + 0.34 * len(rows)), layout="constrained")
        axes = figure.subplots()
        for row, (_, kind, size) in enumerate(rows):
            axes.barh(row, size, color=colours.get(kind, GREEN), height=0.62)
            axes.annotate(
                f" {size:,}",
                (size, row),
                va="center",
                fontsize=8,
            )
        axes.set_yticks(range(len(rows)), [f"{board}: {kind}" for board, kind, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("bytes")
        axes.margins(x=0.12)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        return svg(figure)


def _line(
    axes: Axes,
    values: Sequence[float],
    label: str,
    colour: str,
    epochs: Sequence[int] | None = None,
) -> None:
    """Values by epoch; by default every epoch has one."""
    # A line through one epoch would show nothing.
    marker = "o" if len(values) == 1 else ""
    places = epochs or range(1, len(values) + 1)
    axes.plot(places, values, marker=marker, label=label, color=colour, lw=1.8)


def svg(figure: Figure) -> str:
    """The figure as SVG text from its `<svg` on: the same figure gives the same text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = buffer.getvalue()
    return _PLACES.sub(_rounded, text[text.index("<svg") :])


def _rounded(attribute: re.Match[str]) -> str:
    return _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.1f}", attribute[0])
