"""The page on which a user hears whether each word was found."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from host_tools.files import write_atomically
from host_tools.report.templates import environment

SHEET_NAME = "recordings.html"
_WIDTH, _HEIGHT = 240.0, 44.0


@dataclass(frozen=True)
class Row:
    """One recording."""

    path: Path
    speaker: str
    seconds: float
    channels: int
    start_s: float
    stop_s: float
    doubtful: bool
    left_out: str
    """Why it is not used; empty where it is."""
    envelope: Sequence[int]
    """Peaks along the recording in percent of full scale."""


def write_sheet(words: Mapping[str, Sequence[Row]], notes: Sequence[str], out: Path) -> Path:
    """Write `recordings.html` into `out`; its players play the recordings where they lie.

    Args:
        words: recordings by word.
        notes: sentences above the tables.
        out: folder; made when missing.

    Returns:
        Path of the page.
    """
    pages = environment()
    # What a user should listen to comes first.
    ordered = {
        word: sorted(rows, key=lambda row: (not row.left_out, not row.doubtful, row.path.name))
        for word, rows in words.items()
    }
    page = pages.get_template("contact_sheet.html.j2").render(
        words=ordered,
        notes=notes,
        width=_WIDTH,
        height=_HEIGHT,
        outline=_outline,
        place=lambda row: (_x(row.start_s, row), _x(row.stop_s, row)),
        link=lambda row: quote(os.path.relpath(row.path, out)),
    )
    write_atomically(out / SHEET_NAME, page.encode())
    return out / SHEET_NAME


def _x(second: float, row: Row) -> float:
    return round(_WIDTH * second / row.seconds, 1)


def _outline(row: Row) -> str:
    """Points of an SVG polygon: the envelope above, its mirror image below."""
    if not row.envelope:
        return ""
    step, middle = _WIDTH / len(row.envelope), _HEIGHT / 2.0
    peak = max(*row.envelope, 1)
    upper = [
        (index * step, middle * (1.0 - value / peak)) for index, value in enumerate(row.envelope)
    ]
    lower = [(x, _HEIGHT - y) for x, y in reversed(upper)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in upper + lower)
