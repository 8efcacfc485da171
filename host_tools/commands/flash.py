"""`sotto flash`: put the firmware on a board, or start the emulator of an emulated one."""

from __future__ import annotations

from typing import Annotated

import typer

from host_tools.boards import DEFAULT_BOARD
from host_tools.build import DEFAULT_PROGRAM
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    BoardOption,
    GeneratedOption,
    ProgramOption,
    TflmOption,
    choose_firmware,
    find_board,
)
from host_tools.errors import SottoError
from host_tools.progress import TerminalProgress, result_console, talk_console

EXAMPLE = "Example: `sotto flash --board stm32f405`, later `sotto flash --stop`"


def command(
    board: BoardOption = DEFAULT_BOARD,
    port: Annotated[
        str | None, typer.Option("--port", "-p", metavar="URL", help="Port of a real board.")
    ] = None,
    generated: GeneratedOption = DEFAULT_GENERATED,
    program: ProgramOption = DEFAULT_PROGRAM,
    backend: BackendOption = None,
    tflm: TflmOption = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="End the emulated board that runs in the background.")
    ] = False,
) -> None:
    """Build and flash a real board; start an emulated one in the background and print its port."""
    from host_tools import flash as flashing
    from host_tools.build import build
    from host_tools.manifest import load_manifest

    target = find_board(board)
    if stop and target.kind == "hardware":
        raise SottoError(
            f"{target.name} is a real board: nothing of it runs in the background.",
            "Leave --stop out, or name the emulated --board to end.",
        )
    if port is not None and target.kind != "hardware":
        raise SottoError(
            f"--port {port}: {target.name} is no real board, its port is chosen when it starts.",
            "Leave --port out; the port is printed.",
        )
    if stop:
        ran = flashing.stop(target, ROOT, program)
        talk_console().print(f"{target.name} {'has ended' if ran else 'was not running'}")
        return
    firmware = choose_firmware(target, backend, tflm, program)
    load_manifest(generated)
    with TerminalProgress().task(f"Building {target.name}", total=1) as task:
        if target.kind == "hardware":
            flashing.flash(target, generated, ROOT, port, firmware)
            talk_console().print(f"{target.name} is flashed")
            return
        elf = build(target, generated, ROOT, firmware).elf
        task.advance()
    started = flashing.start_in_background(target, elf, ROOT, program=program)
    result_console().print(started.url, markup=False)
    chosen = "" if program == DEFAULT_PROGRAM else f" --program {program}"
    talk_console().print(
        f"{target.name} is running; `sotto flash -b {target.name}{chosen} --stop` ends it"
    )
