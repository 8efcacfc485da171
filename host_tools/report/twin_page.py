"""The page of `sotto twin`: the stages as a row of boxes, and what the first unequal one wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from host_tools.files import write_atomically
from host_tools.link.twin_messages import FrontendStage, Tail
from host_tools.report.figures import BLUE, ORANGE, STYLE, svg
from host_tools.report.templates import environment

if TYPE_CHECKING:
    from host_tools.manifest import Manifest
    from host_tools.twin.compare import Numbers
    from host_tools.twin.run import Examination


def write_page(found: Examination, manifest: Manifest, out: Path) -> Path:
    """Write the page; nothing in it is loaded from elsewhere."""
    first = found.findings[0] if found.findings else None
    page = (
        environment()
        .get_template("twin.html.j2")
        .render(
            found=found,
            first=first,
            stages=stage_names(manifest, found.health.kernels),
            picture=Markup(draw(first.numbers)) if first and first.numbers else "",
        )
    )
    write_atomically(out, page.encode())
    return out


def stage_names(manifest: Manifest, kernels: str) -> list[str]:
    """All stages in the order of the data's flow, by the names that a difference gives them."""
    target = manifest.targets.get(kernels)
    layers = [f"layer {n}" for n in range(len(target.layers))] if target else []
    names = [stage.name.lower() for stage in FrontendStage]
    return [*names, *layers, *(tail.name.lower() for tail in Tail)]


def draw(numbers: Numbers) -> str:
    """SVG: what a stage wrote on the host, and on the board where that differs."""
    places, index = numbers.places, np.arange(len(numbers.host))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 2.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(index, numbers.host.astype(float), color=BLUE, lw=1, label="host")
        board = numbers.board.astype(float)[places]
        axes.plot(places, board, ".", color=ORANGE, ms=5, label="board, where it differs")
        axes.set_xlabel("number of the stage")
        axes.legend(frameon=False)
        return svg(figure)
