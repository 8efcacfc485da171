"""`sotto ablate`: what each part of distillation brings."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools.commands._options import JsonOption, SkipOption
from host_tools.commands.train import (
    RUNS,
    CacheOption,
    DataOption,
    QuickOption,
    RecipeArgument,
    WorkOption,
    check_inputs,
)
from host_tools.progress import TerminalProgress, print_json, result_console

EXAMPLE = "Example: `sotto ablate training/recipes/demo.toml --quick --part features --part rounds`"


def command(
    recipe: RecipeArgument,
    data: DataOption = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, metavar="N", help="Students of each arm.")
    ] = 1,
    part: Annotated[
        list[str] | None,
        typer.Option("--part", metavar="NAME", help="Only this arm; repeat it [default: all]."),
    ] = None,
    quick: QuickOption = False,
    work: WorkOption = None,
    cache: CacheOption = None,
    skip_unreadable: SkipOption = False,
    json_out: JsonOption = False,
) -> None:
    """Train the student by soft targets, by labels only, and with each part of distillation added.

    Every arm has the same seeds and the same teachers. Differences that the test clips cannot tell
    are called so. Trainings are kept: an interrupted run goes on, and `sotto report` shows the
    table.
    """
    from host_tools.commands._training import ablate_recipe
    from host_tools.evaluation.ablation import outcomes
    from host_tools.files import write_atomically
    from host_tools.report.facts import ABLATION_NAME

    check_inputs(recipe, data)
    folder = work or RUNS / recipe.stem
    measured = ablate_recipe(
        recipe,
        data=data,
        work=folder,
        cache=cache,
        seeds=seeds,
        parts=part or [],
        quick=quick,
        skip_unreadable=skip_unreadable,
        progress=TerminalProgress(),
    )
    right = {arm["name"]: arm["right"] for arm in measured["arms"]}
    arms = [asdict(one) for one in outcomes(right, len(measured["seeds"]))]
    results = measured | {"arms": arms}
    write_atomically(folder / ABLATION_NAME, json.dumps(results, indent=1).encode())
    if json_out:
        print_json(results)
    else:
        _show(results, folder / ABLATION_NAME)


def _show(results: dict[str, Any], written: Path) -> None:
    from rich.table import Table

    from host_tools.evaluation.ablation import verdict

    table = Table("student by", box=None, pad_edge=False)
    for heading in ("accuracy", "95 % interval", "difference", "clips better", "worse", "p"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for number, arm in enumerate(results["arms"]):
        first = number == 0
        compared = (
            f"{100 * arm['difference']:+.2f} points",
            str(arm["better"]),
            str(arm["worse"]),
            f"{arm['p_value']:.3f}",
        )
        table.add_row(
            arm["name"],
            f"{arm['accuracy']:.2%}",
            f"{arm['low']:.2%} to {arm['high']:.2%}",
            *(("", "", "", "") if first else compared),
            verdict(arm, first),
        )
    console = result_console()
    console.print(table)
    console.print(
        f"{results['clips']:,} test clips, {len(results['seeds'])} float students an arm; Wilson "
        "intervals over the clips; differences by McNemar's exact test, corrected for the number "
        "of arms (Holm)",
        markup=False,
    )
    console.print(f"written: {written}", markup=False)
