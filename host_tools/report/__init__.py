"""The report of a run: one self-contained HTML page beside a JSON of the same figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from host_tools.files import write_atomically
from host_tools.report.facts import Facts, gather
from host_tools.report.page import render

PAGE_NAME = "report.html"
DATA_NAME = "report.json"


def write_report(work: Path, out: Path) -> Path:
    """Write `report.html` and `report.json` into `out`.

    Args:
        work: work folder of `sotto run`, with `results.json` and `boards/<board>.json`.
        out: folder to write; made when missing.

    Returns:
        Path of the page.

    Raises:
        SottoError: `work` holds no results.
    """
    return write_facts(gather(work), out)


def write_facts(facts: Facts, out: Path) -> Path:
    """Write the page and the JSON of the same figures into `out`; the path of the page."""
    page = render(facts)
    write_atomically(out / DATA_NAME, json.dumps(asdict(facts), indent=2).encode())
    write_atomically(out / PAGE_NAME, page.encode())
    return out / PAGE_NAME
