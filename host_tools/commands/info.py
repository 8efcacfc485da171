"""`sotto info`: who is this board?"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_tools.boards import DEFAULT_BOARD, Board
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BoardOption,
    GeneratedOption,
    JsonOption,
    PortOption,
    find_board,
    require_port,
)
from host_tools.errors import EXIT_CHECK_FAILED
from host_tools.progress import TerminalProgress, print_json, result_console

if TYPE_CHECKING:
    from host_tools.link.device import Device

EXAMPLE = "Example: `sotto info --port /dev/ttyACM0` or `sotto info --board mps2_m4`"


def command(
    port: PortOption = None,
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Let the board check itself; exit 1 if it fails.")
    ] = False,
    json_out: JsonOption = False,
) -> None:
    """Ask a board for its model, memory, counters, last restart and self-test.

    Without --port: the board that `sotto flash` started, or else one that is started for this.
    """
    from host_tools.twin.run import health_json

    target = find_board(board)
    require_port(target, port)
    with _open(target, port, generated) as device:
        fields = asdict(device.info())
        fields |= health_json(device.health())
        fields["labels"] = list(device.labels())
        tested = device.self_test() if self_test else None
    if tested:
        fields["self_test"] = tested.describe()
    if json_out:
        print_json(fields)
    else:
        _show(fields)
    if tested and not tested.passed:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _open(board: Board, port: str | None, generated: Path) -> AbstractContextManager[Device]:
    from host_tools.link.device import Device

    if port is None:
        from host_tools.background import in_background
        from host_tools.rig import running_board

        started = in_background(board, ROOT)
        if started is None:
            return running_board(board, generated, ROOT, TerminalProgress())
        port = started.url
    return Device.open(port)


def _show(fields: dict[str, Any]) -> None:
    width = max(map(len, fields))
    for name, value in fields.items():
        words = ", ".join(value) if isinstance(value, list) else value
        result_console().print(f"{name:{width}}  {words}", markup=False)
