"""Features as pictures: one panel a clip, time to the right and frequency upwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from host_tools.report.figures import GREY, INK, STYLE, svg

_COLUMNS = 4
_PANEL_INCHES = (2.0, 1.45)
_HEADING_INCHES = 0.35


@dataclass(frozen=True)
class Panel:
    """One clip."""

    title: str
    features: np.ndarray
    """int8[frames, bins]."""
    faded: bool = False
    """Draws the title in grey."""


def spectrograms(heading: str, panels: Sequence[Panel]) -> str:
    """All panels with one scale of colours, from the least feature to the greatest, as SVG text."""
    low = min(int(panel.features.min()) for panel in panels)
    high = max(int(panel.features.max()) for panel in panels)
    rows = math.ceil(len(panels) / _COLUMNS)
    width, height = _PANEL_INCHES
    size = (_COLUMNS * width, rows * height + _HEADING_INCHES)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(heading, x=0.01, ha="left", fontsize=9, color=INK)
        places = figure.subplots(rows, _COLUMNS, squeeze=False)
        for place in places.flat:
            place.set_axis_off()
        for place, panel in zip(places.flat, panels, strict=False):
            place.imshow(
                panel.features.T,
                origin="lower",
                aspect="auto",
                cmap="magma",
                vmin=low,
                vmax=high,
                interpolation="none",
            )
            colour = GREY if panel.faded else INK
            place.set_title(panel.title, loc="left", fontsize=8, color=colour)
        return svg(figure)
