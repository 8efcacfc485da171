"""`sotto run`: the whole line, from words to a report."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from host_tools.boards import Board
from host_tools.build import DEFAULT_BACKEND, Firmware
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    JobsOption,
    LimitOption,
    SkipOption,
    TflmOption,
    choose_firmware,
    find_board,
    require_port,
)
from host_tools.commands.train import (
    RUNS,
    CacheOption,
    DataOption,
    OutOption,
    QuickOption,
    RecipeArgument,
    WorkOption,
    check_inputs,
    show_stages,
)
from host_tools.commands.validate import show
from host_tools.errors import EXIT_CHECK_FAILED
from host_tools.progress import Progress, TerminalProgress, result_console

EXAMPLE = "Example: `sotto run training/recipes/demo.toml` or with your own clips, `--data DIR`"


def command(
    recipe: RecipeArgument,
    data: DataOption = None,
    quick: QuickOption = False,
    out: OutOption = DEFAULT_GENERATED,
    work: WorkOption = None,
    cache: CacheOption = None,
    board: Annotated[
        list[str] | None,
        typer.Option(
            "--board", "-b", metavar="NAME", help="May be repeated [default: the recipe's board]."
        ),
    ] = None,
    backend: BackendOption = None,
    tflm: TflmOption = None,
    skip_unreadable: SkipOption = False,
    limit: LimitOption = None,
    jobs: JobsOption = None,
) -> None:
    """Train, quantise, export, build, emulate, validate and report.

    What did not change since the last run is reused, and an interrupted run goes on where it was.
    """
    from host_tools.commands._training import recipe_target, train_model

    check_inputs(recipe, data)
    own_board, own_backend = recipe_target(recipe)
    targets = [find_board(name) for name in board or [own_board]]
    for target in targets:
        require_port(target, None)
    firmwares = [choose_firmware(target, backend or own_backend, tflm) for target in targets]
    folder = work or RUNS / recipe.stem
    progress = TerminalProgress()
    train_model(
        recipe,
        data=data,
        work=folder,
        cache=cache,
        out=out,
        quick=quick,
        skip_unreadable=skip_unreadable,
        progress=progress,
    )
    show_stages(folder)
    # The report tells of this run: no figures of an earlier firmware beside it.
    shutil.rmtree(folder / "boards", ignore_errors=True)
    identical = [
        measure_board(target, firmware, folder, out, limit, jobs, progress)
        for target, firmware in zip(targets, firmwares, strict=True)
    ]

    from host_tools.report import write_report

    result_console().print(f"report: {write_report(folder, folder)}", markup=False)
    if not all(identical):
        raise typer.Exit(EXIT_CHECK_FAILED)


def measure_board(
    board: Board,
    firmware: Firmware,
    work: Path,
    generated: Path,
    limit: int | None,
    jobs: int | None,
    progress: Progress,
) -> bool:
    """Build, validate on the run's own test clips, keep the figures for the report."""
    from host_tools.build import build
    from host_tools.commands._training import compile_tflite
    from host_tools.diagnosis import measured_on
    from host_tools.files import write_atomically
    from host_tools.fleet import Subject, Work, validate_fleet
    from host_tools.labelled import choose_balanced, scan_labelled
    from host_tools.manifest import load_manifest

    manifest = load_manifest(generated)
    test = work / "test"
    clips = choose_balanced(scan_labelled(test, manifest.labels).clips, limit)
    go_on = "run the same command to go on"
    work_of_board = Work(clips, test, manifest, ROOT, True, go_on, progress)
    (verdict,) = validate_fleet([Subject(board, firmware=firmware, jobs=jobs)], work_of_board)
    result = verdict.figures()
    show(result)
    figures = {
        "kind": board.kind,
        "title": board.title,
        "measured_on": measured_on(board),
        "sizes": asdict(build(board, generated, ROOT, firmware).sizes),
        "validation": result.to_json(),
    }
    if firmware.backend == DEFAULT_BACKEND:
        figures["engine"], _ = compile_tflite(
            work / "model.tflite",
            name=manifest.name,
            core=board.compile_target,
            streaming=manifest.streaming,
        )
    write_atomically(work / "boards" / f"{board.name}.json", json.dumps(figures, indent=2).encode())
    return result.identical
