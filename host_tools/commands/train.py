"""`sotto train`: the training part of `sotto run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host_tools.commands._options import DEFAULT_GENERATED, SkipOption
from host_tools.errors import SottoError
from host_tools.progress import TerminalProgress, result_console

EXAMPLE = "Example: `sotto train training/recipes/commands12.toml --data speech_commands`"

RUNS = Path("build/runs")

RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help="Recipe, a TOML file.")]
DataOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Recordings: `<word>/*.wav` [default: speech is synthesised]."
    ),
]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="Few epochs, small teacher: minutes, less accuracy.")
]
EveryoneOption = Annotated[
    bool,
    typer.Option(
        "--everyone",
        help="Train on the speakers of the test set too: weights to ship, of unknown accuracy. "
        "First run without it, to learn what the recipe reaches on strangers.",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of generated C.")]
WorkOption = Annotated[
    Path | None,
    typer.Option(
        "--work", metavar="DIR", help="Stages and results [default: build/runs/<recipe>]."
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Finished stages; recipes that share teachers may share it [default: <work>/cache].",
    ),
]


def command(
    recipe: RecipeArgument,
    data: DataOption = None,
    quick: QuickOption = False,
    out: OutOption = DEFAULT_GENERATED,
    work: WorkOption = None,
    cache: CacheOption = None,
    skip_unreadable: SkipOption = False,
    everyone: EveryoneOption = False,
) -> None:
    """Train teacher and student, quantise to int8 and write the C files."""
    from host_tools.commands._training import train_model

    check_inputs(recipe, data)
    folder = work or RUNS / recipe.stem
    train_model(
        recipe,
        data=data,
        work=folder,
        cache=cache,
        out=out,
        quick=quick,
        skip_unreadable=skip_unreadable,
        progress=TerminalProgress(),
        everyone=everyone,
    )
    show_stages(folder)
    result_console().print(f"model: {folder / 'model.tflite'}\ngenerated: {out}", markup=False)


def check_inputs(recipe: Path, data: Path | None) -> None:
    """Refuse a recipe or data folder that is not there, before anything is imported or written."""
    if not recipe.is_file():
        raise SottoError(
            f"The recipe {recipe} does not exist.",
            "Give the path of a TOML file; shipped ones lie in training/recipes/.",
        )
    if data is not None and not data.is_dir():
        raise SottoError(
            f"The data folder {data} does not exist.",
            "Give --data a folder of recordings, or fetch one: "
            "`sotto data fetch speech-commands --out DIR`.",
        )


def show_stages(work: Path) -> None:
    """Say on stdout which stages ran and which were reused."""
    from host_tools.report.facts import read_results

    console = result_console()
    for stage in read_results(work)["stages"]:
        what = "reused" if stage["reused"] else f"ran, {stage['seconds']:.1f} s"
        console.print(f"{stage['name']:20} {what}", markup=False)
