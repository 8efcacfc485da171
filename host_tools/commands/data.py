"""`sotto data`: recordings, fetched and looked at."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host_tools.commands._options import JsonOption
from host_tools.errors import EXIT_CHECK_FAILED
from host_tools.progress import TerminalProgress, print_json, result_console, talk_console

app = typer.Typer(
    help="Fetch recordings, and see what a folder of them holds.", no_args_is_help=True
)


class DataSet(StrEnum):
    """What can be fetched."""

    SPEECH_COMMANDS = "speech-commands"


@app.command(epilog="Example: `sotto data fetch speech-commands --out data`")
def fetch(
    name: Annotated[DataSet, typer.Argument(help="Name of the data set.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to unpack it.")] = Path("data"),
) -> None:
    """Download a data set, checked by its SHA-256; goes on where it was interrupted."""
    from host_tools.commands._training import fetch_speech_commands

    folder = fetch_speech_commands(out / name.value, TerminalProgress())
    result_console().print(str(folder), markup=False)


@app.command(epilog="Example: `sotto data scan data/speech-commands --json`")
def scan(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of `<word>/*.wav`.")],
    json_out: JsonOption = False,
) -> None:
    """Count clips, speakers, seconds and rates a word; name every file that cannot be read."""
    from rich.markup import escape
    from rich.table import Table

    from host_tools.survey import survey

    found = survey(folder, TerminalProgress())
    problems = [problem for entry in found for problem in entry.unreadable]
    if json_out:
        print_json([asdict(entry) for entry in found])
    else:
        table = Table("folder", "clips", "speakers", "seconds", "rates in Hz", box=None)
        for entry in found:
            rates = ", ".join(map(str, entry.rates_hz))
            speakers = str(entry.speakers or "not told")
            table.add_row(
                escape(entry.name), str(entry.clips), speakers, f"{entry.seconds:.0f}", rates
            )
        result_console().print(table)
    for problem in problems:
        talk_console().print(problem, markup=False)
    if problems:
        raise typer.Exit(EXIT_CHECK_FAILED)
