"""`sotto flash`: put the firmware on a board, or start the emulator of an emulated one."""

from __future__ import annotations

import threading

from host_tools.boards import DEFAULT_BOARD
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BoardOption,
    GeneratedOption,
    PortOption,
    find_board,
)
from host_tools.errors import Interrupted
from host_tools.progress import TerminalProgress, result_console, talk_console

EXAMPLE = "Example: `sotto flash --board stm32f405`, then `sotto info --port URL` elsewhere"


def command(
    board: BoardOption = DEFAULT_BOARD,
    port: PortOption = None,
    generated: GeneratedOption = DEFAULT_GENERATED,
) -> None:
    """Build and flash a board. Emulated boards are started and run until Ctrl-C."""
    from host_tools import emulator
    from host_tools.build import build
    from host_tools.flash import flash
    from host_tools.manifest import load_manifest

    target = find_board(board)
    load_manifest(generated)
    with TerminalProgress().task(f"Building {target.name}", total=1) as task:
        elf = build(target, generated, ROOT).elf
        task.advance()
    if target.kind == "hardware":
        flash(target, generated, ROOT, port)
        result_console().print(f"{target.name} runs {elf}", markup=False)
        return
    with emulator.start(target, elf) as running:
        result_console().print(running.url, markup=False)
        talk_console().print(f"{target.name} is running; Ctrl-C ends it")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            raise Interrupted(f"{target.name} ended") from None
