"""`sotto arena`: how much memory TFLite-Micro needs for a model, and for what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools.commands._options import (
    DEFAULT_GENERATED,
    JsonOption,
    check_model_file,
)
from host_tools.errors import SottoError
from host_tools.progress import TerminalProgress, print_json, result_console

EXAMPLE = "Example: `sotto arena model.tflite` or `sotto arena --generated generated`"


def command(
    model: Annotated[
        Path | None, typer.Argument(metavar="[MODEL.tflite]", help="Fully int8 model.")
    ] = None,
    generated: Annotated[
        Path | None,
        typer.Option(
            "--generated",
            metavar="DIR",
            help="Folder of a generated model instead [default: generated].",
        ),
    ] = None,
    json_out: JsonOption = False,
) -> None:
    """Run a model once in TFLite-Micro and explain the arena that its interpreter needs.

    It is measured on this computer, whose pointers are twice as long as those of a 32-bit chip:
    an upper bound. The ahead-of-time C needs none of it; `sotto compile` tells its arena.
    """
    from host_tools.commands._training import explain_arena, exported_tflite

    if model is not None and generated is not None:
        raise SottoError(
            f"Both {model} and --generated {generated} were named.", "Name one of them."
        )
    if model is not None:
        check_model_file(model)
        tflite, name = model.read_bytes(), model.stem
    else:
        folder = generated or DEFAULT_GENERATED
        tflite, name = exported_tflite(folder), str(folder)
    with TerminalProgress().task("Running it in TFLite-Micro", total=1) as task:
        report = explain_arena(tflite, name)
        task.advance()
    if json_out:
        print_json({"model": name, **report})
    else:
        _show(name, report)


def _show(name: str, report: dict[str, Any]) -> None:
    """Print the figures for people."""
    from rich.table import Table

    console, use = result_console(), report["use"]
    console.print(
        f"{name} in TFLite-Micro: an arena of {report['arena_bytes']:,} bytes", markup=False
    )
    table = Table("", box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_row("head: tensors and scratch, each as long as it is used", f"{use['head_bytes']:,}")
    table.add_row("tail: what stays as long as the interpreter", f"{use['tail_bytes']:,}")
    for part in use["tail"]:
        count = f" ({part['count']})" if part["count"] else ""
        table.add_row(f"  {part['name']}{count}", f"{part['bytes']:,}")
    table.add_row("used on this computer: the least that runs here", f"{use['total_bytes']:,}")
    table.add_row("scratch of CMSIS-NN's kernels, not run here", f"{report['scratch_bytes']:,}")
    table.add_row("alignment", f"{report['rounding_bytes']:,}")
    console.print(table)
    operators = ", ".join(report["operators"])
    console.print(f"resolver: {operators}; {report['variables']} resource variables", markup=False)
