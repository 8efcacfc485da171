"""`sotto data`: recordings, fetched and looked at."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools.commands._options import JsonOption, SkipOption
from host_tools.commands.train import (
    RUNS,
    CacheOption,
    DataOption,
    RecipeArgument,
    WorkOption,
    check_inputs,
)
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.progress import TerminalProgress, print_json, result_console, talk_console

app = typer.Typer(
    help="Fetch recordings, see what a folder of them holds, and find wrong labels.",
    no_args_is_help=True,
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


@app.command(epilog="Example: `sotto data show training/recipes/demo.toml --out picture.svg`")
def show(
    recipe: RecipeArgument,
    data: DataOption = None,
    clip: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="`<folder>/<file>` [default: the first of the first word]."
        ),
    ] = None,
    teacher: Annotated[
        bool, typer.Option("--teacher", help="What the first teacher hears, not the student.")
    ] = False,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture, an SVG.")] = Path(
        "augmentation.svg"
    ),
    work: WorkOption = None,
    cache: CacheOption = None,
    skip_unreadable: SkipOption = False,
) -> None:
    """Draw a training clip as it is and under each change that the recipe makes.

    Each panel is the features of the firmware's front-end, with one change at the strong end of its
    range; training draws from the whole range and applies several at once.
    """
    from host_tools.commands._training import show_augmentation
    from host_tools.files import write_atomically
    from host_tools.report.spectrograms import Panel, spectrograms

    check_inputs(recipe, data)
    if out.suffix.lower() != ".svg":
        raise SottoError(f"{out} is no name for an SVG picture.", "Give --out a name with .svg.")
    name, found = show_augmentation(
        recipe,
        data=data,
        cache=cache or (work or RUNS / recipe.stem) / "cache",
        clip=clip,
        teacher=teacher,
        skip_unreadable=skip_unreadable,
        progress=TerminalProgress(),
    )
    panels = [
        Panel(one["title"] + ("" if one["used"] else " (off)"), one["features"], not one["used"])
        for one in found
    ]
    who = "teacher" if teacher else "student"
    picture = spectrograms(
        f"{name}, each change alone, as the {who} of {recipe.stem} hears it", panels
    )
    write_atomically(out, picture.encode())
    result_console().print(str(out), markup=False)


CHECK_FOLDER = "check"
"""In the work folder of a recipe."""
_SHOWN_CLIPS = 10


@app.command(epilog="Example: `sotto data check training/recipes/commands12.toml --data DIR`")
def check(
    recipe: RecipeArgument,
    data: DataOption = None,
    folds: Annotated[
        int, typer.Option(min=2, max=20, metavar="N", help="Parts of the speakers.")
    ] = 4,
    work: WorkOption = None,
    cache: CacheOption = None,
    skip_unreadable: SkipOption = False,
    json_out: JsonOption = False,
) -> None:
    """List clips whose label may be wrong, with a page to listen to them.

    Small networks learn from some speakers and hear the others. Nothing is changed: listen, edit
    the file of doubtful clips, and name it in the recipe. An interrupted check goes on.
    """
    from host_tools.commands._training import check_labels
    from host_tools.files import write_unless_edited
    from host_tools.report.label_check import write_check

    check_inputs(recipe, data)
    folder = work or RUNS / recipe.stem
    found, corrections = check_labels(
        recipe,
        data=data,
        cache=cache or folder / "cache",
        folds=folds,
        skip_unreadable=skip_unreadable,
        progress=TerminalProgress(),
    )
    page = write_check(found, folder / CHECK_FOLDER)
    listed = page.with_name("doubtful.txt")
    fresh = write_unless_edited(listed, corrections.encode())
    if fresh != listed:
        talk_console().print(f"{listed} was edited and is kept; a fresh one is {fresh}")
    if json_out:
        print_json(found | {"page": str(page), "corrections": str(fresh)})
    else:
        _show_doubts(found)
        result_console().print(f"listen: {page}\ncorrections: {fresh}", markup=False)


def _show_doubts(found: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    console, doubts = result_console(), found["doubts"]
    console.print(
        f"{found['clips']:,} clips of {found['speakers']:,} speakers in {found['folds']} folds:"
        f" networks agree with {found['agreement']:.1%} of the labels and doubt {len(doubts)}"
        + (f"; {found['judged']} clips are judged by hand" if found["judged"] else "")
    )
    table = Table("clip", "label", "heard", "sure", "of the label", box=None)
    for one in doubts[:_SHOWN_CLIPS]:
        table.add_row(
            *(escape(one[key]) for key in ("clip", "label", "heard")),
            f"{one['heard_probability']:.1%}",
            f"{one['label_probability']:.1%}",
        )
    if doubts:
        console.print(table)
    if len(doubts) > _SHOWN_CLIPS:
        console.print(f"and {len(doubts) - _SHOWN_CLIPS} more")
