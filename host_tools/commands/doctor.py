"""`sotto doctor`: what is installed, what is missing, what to do."""

from __future__ import annotations

from dataclasses import asdict

import typer

from host_tools.commands._options import ROOT, JsonOption
from host_tools.errors import EXIT_CHECK_FAILED
from host_tools.progress import print_json, result_console

EXAMPLE = "Example: `sotto doctor` or, for machines, `sotto doctor --json`"


def command(json_out: JsonOption = False) -> None:
    """Check this machine: packages, compilers, emulator, speech, serial ports."""
    from rich.table import Table
    from rich.text import Text

    from host_tools.diagnosis import examine

    findings = examine(ROOT)
    missing = [finding for finding in findings if finding.needed and not finding.good]
    if json_out:
        print_json({"good": not missing, "findings": [asdict(finding) for finding in findings]})
    else:
        table = Table("", "what", "found", "next step", box=None)
        for finding in findings:
            mark = "ok" if finding.good else "MISSING" if finding.needed else "-"
            table.add_row(
                mark, *(Text(cell) for cell in (finding.what, finding.found, finding.remedy))
            )
        console = result_console()
        console.print(table)
        console.print(
            f"{len(missing)} needed things are missing" if missing else "everything is here"
        )
    if missing:
        raise typer.Exit(EXIT_CHECK_FAILED)
