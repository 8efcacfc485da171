"""`sotto compress`: a smaller student, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools.commands._options import JsonOption, SkipOption
from host_tools.commands.train import (
    RUNS,
    CacheOption,
    DataOption,
    QuickOption,
    WorkOption,
    check_inputs,
)
from host_tools.errors import SottoError
from host_tools.progress import TerminalProgress, print_json, result_console

EXAMPLE = (
    'Example: `sotto compress training/recipes/demo.toml --quick --steps "prune share=0.5; '
    'calibrate method=mse; correct_bias"`'
)
RECIPE_SUFFIX = ".toml"


def command(
    source: Annotated[
        Path, typer.Argument(metavar="MODEL_OR_RECIPE", help="Recipe, or a Keras file (.h5).")
    ],
    steps: Annotated[
        str | None,
        typer.Option(
            "--steps",
            metavar="TEXT",
            help='Steps in turn: "prune share=0.5; low_rank energy=0.9" [default: the recipe\'s].',
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE", help="Words and features of a Keras file."),
    ] = None,
    data: DataOption = None,
    quick: QuickOption = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Result [default: <work>/compressed]."),
    ] = None,
    work: WorkOption = None,
    cache: CacheOption = None,
    skip_unreadable: SkipOption = False,
    json_out: JsonOption = False,
) -> None:
    """Make a trained student smaller, and say after each step what it costs and what it hears.

    A recipe's student is trained first, unless the cache has it. Costs are those of the int8 model
    on a Cortex-M4F, instructions estimated; accuracy is on the test clips. Steps are kept: an
    interrupted run goes on. docs/compression.md explains the steps and their settings.
    """
    from host_tools.commands._training import compress_network

    model = None if source.suffix == RECIPE_SUFFIX else source
    if model is not None and not model.exists():
        raise SottoError(f"{model} does not exist.", "Give a recipe (.toml) or a Keras file (.h5).")
    if model is not None and recipe is None:
        raise SottoError(
            f"{model} does not say which words and features it is for.",
            "Name them with --recipe FILE.",
        )
    if model is None and recipe is not None:
        raise SottoError(f"--recipe {recipe}: {source} is a recipe itself.", "Give one of the two.")
    described = source if recipe is None else recipe
    check_inputs(described, data)
    folder = work or RUNS / described.stem
    results = compress_network(
        described,
        model=model,
        steps=steps,
        data=data,
        work=folder,
        out=out or folder / "compressed",
        cache=cache,
        quick=quick,
        skip_unreadable=skip_unreadable,
        progress=TerminalProgress(),
    )
    if json_out:
        print_json(results)
    else:
        _show(results, out or folder / "compressed")


def _show(results: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    table = Table("after", box=None, pad_edge=False)
    for heading in ("parameters", "flash", "RAM", "MACs", "instructions", "int8", "95 % interval"):
        table.add_column(heading, justify="right")
    rows = [("training", results["before"])]
    rows += [(step["step"], step["after"]) for step in results["steps"]]
    for name, found in rows:
        instructions = found["instructions"]
        table.add_row(
            name,
            f"{found['parameters']:,}",
            f"{found['flash_bytes']:,}",
            f"{found['ram_bytes']:,}",
            f"{found['macs']:,}",
            "unknown" if instructions is None else f"{instructions:,}",
            f"{found['accuracy']:.2%}",
            f"{found['low']:.2%} to {found['high']:.2%}",
        )
    console = result_console()
    console.print(table)
    last = results["steps"][-1]
    console.print(
        f"{last['after']['clips']:,} test clips; flash: constants on {last['after']['core']}; RAM: "
        "arena, input, output; MACs and instructions (estimated) of one inference",
        markup=False,
    )
    if last["needs"]:
        console.print(
            f"not deployable yet: it needs {last['needs']}, and `sotto export` refuses it. Packed, "
            f"its kernels would take {last['after']['packed_bytes']:,} bytes",
            markup=False,
        )
    console.print(f"written: {out}", markup=False)
