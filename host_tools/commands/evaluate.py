"""`sotto evaluate`: what a model will hear in a room, with how sure that is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.commands._evaluated import generated_folder, require_same_labels
from host_tools.commands._evaluation import (
    Conditions,
    compared,
    evaluate_on_board,
    evaluate_on_host,
    furnish,
    require_same_words,
    write_chosen,
    write_document,
)
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    JsonOption,
    PortOption,
    SkipOption,
    find_board,
    require_port,
)
from host_tools.commands.export import read_labels
from host_tools.commands.train import QuickOption, check_inputs
from host_tools.errors import SottoError
from host_tools.manifest import load_manifest
from host_tools.progress import TerminalProgress, print_json

if TYPE_CHECKING:
    from host_tools.evaluation.result import Document

EXAMPLE = "Example: `sotto evaluate --data recordings --negatives podcasts --snr 10 --plot`"

OUT = Path("build/evaluate")
FOLDS_WORK = Path("build/evaluate/folds")
DEFAULT_WANTED_PER_HOUR = 0.1
MOST_FOLDS = 20


def command(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Generated folders or .tflite files; several are compared [default: generated].",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Labelled folder: `<label>/*.wav`.")
    ] = None,
    negatives: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Recordings without the words, of any length; may be repeated."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Labels of .tflite files [default: of generated/]."),
    ] = None,
    snr: Annotated[
        list[float] | None,
        typer.Option(metavar="DB", help="Word over noise; may be repeated [default: 20, 10, 5]."),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(help="white, pink or babble; may be repeated [default: all]."),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(min=0.01, help="Length of a stream [default: every recording once]."),
    ] = None,
    false_accepts: Annotated[
        float,
        typer.Option("--false-accepts", min=0.0, help="Wanted an hour; chooses the threshold."),
    ] = DEFAULT_WANTED_PER_HOUR,
    choose_in: Annotated[
        str, typer.Option(metavar="CONDITION", help="Where it is chosen: clean, 'babble 10 dB'.")
    ] = "clean",
    per_word: Annotated[
        bool, typer.Option("--per-word", help="Let words have thresholds of their own.")
    ] = False,
    gate_margin_db: Annotated[
        float,
        typer.Option(min=0.0, metavar="DB", help="Hear the streams with this energy gate, too."),
    ] = 0.0,
    stride_ms: Annotated[
        float | None,
        typer.Option(min=1.0, help="Time between steps of a window model [default: 100]."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only N clips, balanced over labels.")
    ] = None,
    no_clips: Annotated[bool, typer.Option("--no-clips", help="Leave single clips out.")] = False,
    no_streams: Annotated[
        bool, typer.Option("--no-streams", help="Leave long streams out.")
    ] = False,
    skip_unreadable: SkipOption = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes [default: one a processor].")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of evaluation.json and plots.")
    ] = OUT,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the figures as SVG files.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Make the chosen setting the default of the folder.")
    ] = False,
    board: Annotated[
        str | None,
        typer.Option("--board", "-b", metavar="NAME", help="Let a board hear clips and streams."),
    ] = None,
    port: PortOption = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2, max=MOST_FOLDS, metavar="K", help="Train K models, each tested on a part."
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="RECIPE", help="Recipe of the folds, a TOML file.")
    ] = None,
    quick: QuickOption = False,
    json_out: JsonOption = False,
) -> None:
    """Hear clips and long streams by the deployed int8 C code, clean and in noise.

    Tells accuracy, miss rate against false accepts an hour, latency and the setting to use, all
    with 95 % intervals. Scores are kept: an interrupted evaluation goes on where it was.
    """

    workers = jobs or os.cpu_count() or 1
    progress = TerminalProgress()
    _check(folds, recipe, models, board, data, writes=write, streams=not no_streams)
    if recipe is not None and folds is not None:
        from host_tools.commands._folds import evaluate_folds
        from host_tools.evaluation.result import Document

        found = evaluate_folds(
            recipe,
            folds,
            data=data,
            work=FOLDS_WORK / recipe.stem,
            quick=quick,
            skip_unreadable=skip_unreadable,
            jobs=workers,
            progress=progress,
        )
        _leave(Document((found,), ()), out, plot=plot, json_out=json_out)
        return
    assert data is not None
    conditions = Conditions(noise, snr, choose_in, clips=not no_clips, streams=not no_streams)
    target = find_board(board) if board is not None else None
    if target is not None:
        require_port(target, port)
    names = read_labels(labels) if labels is not None else None
    folders = [generated_folder(model, names, progress) for model in models or [DEFAULT_GENERATED]]
    manifests = [load_manifest(folder) for folder in folders]
    require_same_labels(manifests)
    room = furnish(
        data,
        negatives or [],
        manifests[0],
        conditions,
        hours=hours,
        false_accepts=false_accepts,
        per_word=per_word,
        gate_margin_db=gate_margin_db,
        limit=limit,
        skip_unreadable=skip_unreadable,
        progress=progress,
    )
    evaluations = [
        evaluate_on_board(target, port, folder, manifest, room, stride_ms, workers, progress)
        if target is not None
        else evaluate_on_host(folder, manifest, room, stride_ms, workers, progress)
        for folder, manifest in zip(folders, manifests, strict=True)
    ]
    _leave(compared(evaluations, room), out, plot=plot, json_out=json_out)
    for one in evaluations:
        require_same_words(one)
    if write:
        write_chosen(evaluations[0], folders[0], out)


def _leave(document: Document, out: Path, *, plot: bool, json_out: bool) -> None:
    from host_tools.evaluation.show import show

    write_document(document, out, plot=plot)
    if json_out:
        print_json(document.to_json())
    else:
        show(document, out)


def _check(
    folds: int | None,
    recipe: Path | None,
    models: list[Path] | None,
    board: str | None,
    data: Path | None,
    *,
    writes: bool,
    streams: bool,
) -> None:
    """Refuse what does not go together, before anything is read."""
    if (folds is None) != (recipe is None):
        raise SottoError(
            "--folds and --recipe belong together.",
            "Give both to train and test one model a fold, or neither.",
        )
    if recipe is not None:
        check_inputs(recipe, data)
        if models or board:
            raise SottoError(
                "--folds trains models of its own.", "Leave the models and --board out."
            )
        return
    if data is None:
        raise SottoError("--data is missing.", "Give it a folder of `<label>/*.wav` clips.")
    if board is not None and len(models or []) > 1:
        raise SottoError("A board runs one model.", "Name one generated folder, or leave --board.")
    one_folder = (
        len(models or [DEFAULT_GENERATED]) == 1 and (models or [DEFAULT_GENERATED])[0].is_dir()
    )
    if writes and (not streams or board is not None or not one_folder):
        raise SottoError(
            "--write needs the streams of one generated folder.",
            "Name one folder of `sotto run` or `sotto export`, without --board and --no-streams.",
        )
