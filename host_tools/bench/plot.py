"""The bench's figures as a picture: ours beside TFLite-Micro, by core and by layer."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from host_tools.bench.baselines import BASELINES
from host_tools.bench.measure import Figures
from host_tools.files import write_atomically
from host_tools.report.figures import BLUE, GREEN, GREY, ORANGE, STYLE

FORMATS = ("svg", "png")
DOTS_PER_INCH = 120
MILLION, THOUSAND = 1e6, 1e3
_WIDTH_INCHES = 10.0
_RATIOS = (
    ("ratio_instructions", "instructions", BLUE),
    ("ratio_cycles", "estimated cycles", ORANGE),
    ("ratio_flash", "flash", GREEN),
    ("ratio_ram", "RAM", GREY),
)
_GROUP_WIDTH = 0.8
_LEGEND_SHARE = 0.2


def write_plots(rows: Sequence[Figures], path: Path) -> list[Path]:
    """Draw all figures.

    Args:
        path: where to; its suffix is replaced by those of FORMATS.

    Returns:
        the files written.
    """
    matplotlib.use("agg")
    compared = [row for row in rows if row.ratio_instructions is not None and row.macs]
    layered = [row for row in compared if BASELINES[row.model, row.core].layers]
    models = list(dict.fromkeys(row.model for row in rows))
    heights = [2.6] * bool(compared) + [3.0] * len(layered)
    heights.append(0.6 + 0.22 * len(rows))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, sum(heights) + 0.5), layout="constrained")
        panels = iter(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
        if compared:
            _draw_ratios(next(panels), compared)
        for row in layered:
            _draw_layers(next(panels), row)
        _draw_costs(next(panels), rows, models)
        written = [path.with_suffix(f".{form}") for form in FORMATS]
        for file in written:
            content = io.BytesIO()
            figure.savefig(content, format=file.suffix[1:], dpi=DOTS_PER_INCH)
            write_atomically(file, content.getvalue())
    return written


def _draw_ratios(panel: Axes, rows: Sequence[Figures]) -> None:
    places = np.arange(len(rows))
    width = _GROUP_WIDTH / len(_RATIOS)
    for i, (field, label, color) in enumerate(_RATIOS):
        heights = [getattr(row, field) or 0.0 for row in rows]
        bars = panel.bar(places + (i - (len(_RATIOS) - 1) / 2) * width, heights, width, color=color)
        bars.set_label(label)
        panel.bar_label(bars, [f"{h:.2f}" if h else "" for h in heights], fontsize=7)
    panel.axhline(1.0, color=GREY, linewidth=1, linestyle=":")
    panel.margins(y=_LEGEND_SHARE)
    panel.set_xticks(places, [f"{row.core}\n{row.model}" for row in rows], fontsize=7)
    panel.set_ylabel("TFLite-Micro = 1")
    panel.set_title("beside TFLite-Micro with CMSIS-NN", loc="left", fontweight="bold")
    panel.legend(frameon=False, ncols=len(_RATIOS), fontsize=7)


def _draw_layers(panel: Axes, row: Figures) -> None:
    """Thousands of instructions of each layer; a layer of ours may be several of theirs."""
    theirs = theirs_by_layer(row)
    places = np.arange(len(row.layers))
    for values, shift, color, label in (
        ([layer.instructions for layer in row.layers], -0.2, BLUE, "sotto"),
        (theirs, 0.2, GREY, "TFLite-Micro"),
    ):
        heights = [(value or 0) / THOUSAND for value in values]
        bars = panel.bar(places + shift, heights, 0.4, color=color, label=label)
        panel.bar_label(bars, [f"{h:,.0f}" if h else "" for h in heights], fontsize=7)
    names = [layer.operator.replace("_2D", "").replace("_", " ").lower() for layer in row.layers]
    panel.set_xticks(places, names, rotation=30, ha="right", fontsize=7)
    panel.set_ylabel("thousand instructions")
    panel.set_title(f"{row.model} on {row.core}, by layer", loc="left", fontweight="bold")
    panel.legend(frameon=False, fontsize=7)


def theirs_by_layer(row: Figures) -> list[int | None]:
    """TFLite-Micro's instructions for each layer of ours, or None where they were not measured.

    Layers are matched by their multiply-accumulates, since ours may join several of theirs.
    """
    waiting = list(BASELINES[row.model, row.core].layers)
    result: list[int | None] = []
    for layer in row.layers:
        macs = instructions = 0
        while layer.macs and waiting and macs + waiting[0].macs <= layer.macs:
            macs += waiting[0].macs
            instructions += waiting.pop(0).instructions
        result.append(instructions if macs and macs == layer.macs else None)
    return result


def _draw_costs(panel: Axes, rows: Sequence[Figures], models: Sequence[str]) -> None:
    ordered = [row for model in models for row in rows if row.model == model][::-1]
    places = np.arange(len(ordered))
    bars = panel.barh(places, [row.instructions / MILLION for row in ordered], color=BLUE)
    panel.bar_label(bars, [f"{row.instructions:,}" for row in ordered], fontsize=7, padding=3)
    panel.set_xscale("log")
    panel.set_yticks(places, [f"{row.model}, {row.core}" for row in ordered], fontsize=7)
    panel.set_xlabel("million instructions an inference or a frame (logarithmic)")
    panel.set_title("all models and cores", loc="left", fontweight="bold")
