"""`sotto settings`: when does a board hear a word?"""

from __future__ import annotations

from host_tools.boards import DEFAULT_BOARD
from host_tools.commands._board import SetOption, apply, listening_board
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    BoardOption,
    GeneratedOption,
    JsonOption,
    PortOption,
    find_board,
    require_port,
)
from host_tools.progress import print_json, result_console

EXAMPLE = "Example: `sotto settings --port /dev/ttyACM0 --set threshold.yes=0.8`"


def command(
    port: PortOption = None,
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    changes: SetOption = None,
    json_out: JsonOption = False,
) -> None:
    """Show or change the settings of the listening mode; a restart brings the old ones back.

    Without --port: the board that `sotto flash` started, or else one that is started for this.
    """
    from host_tools.manifest import load_manifest
    from host_tools.settings import scale_of

    target = find_board(board)
    require_port(target, port)
    scale = scale_of(load_manifest(generated))
    with listening_board(target, port, generated) as device:
        apply(device, scale, changes or ())
        values = device.settings()
    shown = scale.shown(values)
    if json_out:
        numbers = {scale.name(number): value for number, value in values.items()}
        print_json({"settings": shown, "board_units": numbers})
        return
    width = max(map(len, shown))
    for name, value in shown.items():
        result_console().print(f"{name:{width}}  {value:g}", markup=False)
