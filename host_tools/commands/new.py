"""`sotto new`: a PlatformIO project of your own that hears the model's words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host_tools.boards import DEFAULT_BOARD
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    BoardOption,
    GeneratedOption,
    JsonOption,
    TflmOption,
    choose_firmware,
    find_board,
)
from host_tools.progress import print_json, result_console, talk_console

EXAMPLE = "Example: `sotto new my-product --board stm32f405`, then `pio run -d my-product`"


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    backend: BackendOption = None,
    tflm: TflmOption = None,
    json_out: JsonOption = False,
) -> None:
    """Write a PlatformIO project around the library and the model: one callback a word.

    It compiles as it is and holds copies of all it needs but TFLite-Micro, which it names where it
    is; src/main.c is yours.
    """
    from host_tools.manifest import load_manifest
    from host_tools.project import write_project

    target = find_board(board)
    brought = choose_firmware(target, backend, tflm).tflm
    program = write_project(folder, target, load_manifest(generated), ROOT, brought)
    if json_out:
        print_json({"project": str(folder), "program": str(program), "board": target.name})
        return
    result_console().print(str(program), markup=False)
    talk_console().print(f"build it with `pio run -d {folder}`", markup=False)
