"""`sotto devices`: what is plugged in, and may it be used?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_tools.boards import DEFAULT_BOARD
from host_tools.commands._options import ROOT, JsonOption
from host_tools.progress import print_json, result_console

if TYPE_CHECKING:
    from host_tools.devices.plugged import Plugged
    from host_tools.errors import SottoError
    from host_tools.link.messages import BoardInfo

EXAMPLE = "Example: `sotto devices`, with `--ask` to hear from every port who is there"


def command(
    ask: Annotated[
        bool, typer.Option("--ask", help="Open every free port and ask who answers there.")
    ] = False,
    udev: Annotated[
        bool,
        typer.Option(
            "--udev", help="Print the udev rules of known boards and of probes that are here."
        ),
    ] = False,
    json_out: JsonOption = False,
) -> None:
    """List serial ports, debug probes and boot loaders, and the boards that each could be.

    Emulated boards that `sotto flash` started are listed, too.
    """
    from host_tools.devices.access import known_ids, udev_rules
    from host_tools.devices.plugged import ask_all, plugged_in

    things = plugged_in(ROOT)
    if udev:
        probes = {one.usb for one in things if one.kind == "debug probe" and one.usb}
        print(udev_rules(sorted(probes.union(known_ids()), key=str)), end="")
        return
    answers = ask_all(things) if ask else {}
    if json_out:
        print_json([_document(one, answers) for one in things])
    else:
        _show(things, answers)


def _document(one: Plugged, answers: dict[str, BoardInfo | SottoError]) -> dict[str, Any]:
    from host_tools.errors import SottoError

    fields = asdict(one) | {"usb": str(one.usb) if one.usb else None}
    answer = answers.get(one.name)
    if isinstance(answer, SottoError):
        fields |= {"answer": None, "silence": answer.message}
    elif answer is not None:
        fields |= {"answer": asdict(answer), "silence": None}
    return fields


def _show(things: list[Plugged], answers: dict[str, BoardInfo | SottoError]) -> None:
    """Print a table, and below it what keeps a thing from being used, with the next step."""
    from rich.markup import escape
    from rich.table import Table

    console = result_console()
    if not things:
        console.print("Nothing is plugged in, and no emulated board runs.")
        console.print(f"Plug in a board, or start one: `sotto flash --board {DEFAULT_BOARD}`.")
        return
    answered = ("answers",) if answers else ()
    table = Table("what", "name", "USB", "calls itself", "could be", *answered, "state", box=None)
    for one in things:
        said = (_words(answers.get(one.name)),) if answers else ()
        usb = str(one.usb) if one.usb else ""
        cells = (one.kind, one.name, usb, one.title, _boards(one), *said, one.state)
        table.add_row(*map(escape, cells))
    console.print(table)
    for one in things:
        if one.holders:
            console.print(f"{one.name}: open in {', '.join(one.holders)}; close it", markup=False)
        if one.remedy:
            console.print(f"{one.name}: no permission. {one.remedy}", markup=False)


def _boards(one: Plugged) -> str:
    if len(one.boards) > 1:
        return f"one of {', '.join(one.boards)}"
    return one.boards[0] if one.boards else "no known board"


def _words(answer: BoardInfo | SottoError | None) -> str:
    from host_tools.errors import SottoError
    from host_tools.link.device import HASH_DIGITS_SHOWN

    if answer is None:
        return "not asked"
    if isinstance(answer, SottoError):
        return answer.message
    return f"{answer.board}, model {answer.model_name} {answer.model_hash[:HASH_DIGITS_SHOWN]}"
