"""`sotto report`: the figures of a run as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host_tools.progress import result_console

EXAMPLE = "Example: `sotto report build/runs/demo`"


def command(
    work: Annotated[Path, typer.Argument(metavar="WORKDIR", help="Work folder of `sotto run`.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write [default: WORKDIR].")
    ] = None,
) -> None:
    """Write report.html (self-contained) and report.json from what a run measured."""
    from host_tools.report import write_report

    result_console().print(f"report: {write_report(work, out or work)}", markup=False)
