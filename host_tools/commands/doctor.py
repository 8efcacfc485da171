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
    from host_tools.diagnosis import examine

    findings = examine(ROOT)
    missing = [finding for finding in findings if finding.needed and not finding.good]
    if json_out:
        print_json({"good": not missing, "findings": [asdict(finding) for finding in findings]})
    else:
        console = result_console()
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            mark = "ok" if finding.good else "MISSING" if finding.needed else "-"
            console.print(f"{mark:8}{finding.what:{width}}  {finding.found}", markup=False)
            if finding.remedy:
                console.print(f"{'':8}{'':{width}}  next step: {finding.remedy}", markup=False)
        console.print(f"{len(missing)} needed things are missing" if missing else "all is here")
    if missing:
        raise typer.Exit(EXIT_CHECK_FAILED)
