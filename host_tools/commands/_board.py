"""A board for one command: at a port, in the background, or started for it; and its settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.boards import Board
from host_tools.commands._options import ROOT
from host_tools.progress import TerminalProgress

if TYPE_CHECKING:
    from host_tools.link.device import Device
    from host_tools.settings import Scale

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be repeated."),
]


@contextmanager
def listening_board(board: Board, port: str | None, generated: Path) -> Iterator[Device]:
    """A board that answers and runs the model of `generated`.

    Without a port: the one that `sotto flash` started, or else one that ends with the block.
    """
    from host_tools.background import in_background
    from host_tools.manifest import load_manifest
    from host_tools.rig import open_checked, open_emulated, running_board

    manifest = load_manifest(generated)
    if port is not None:
        opened: AbstractContextManager[Device] = open_checked(port, manifest)
    elif started := in_background(board, ROOT):
        opened = open_emulated(started.url, manifest)
    else:
        opened = running_board(board, generated, ROOT, TerminalProgress(), icount=True)
    with opened as device:
        yield device


def apply(device: Device, scale: Scale, texts: Sequence[str]) -> None:
    """Change settings on a board, all or none.

    Raises:
        SottoError: no such setting, or a value out of its range.
    """
    from host_tools.link.device import SettingRefusedError
    from host_tools.settings import out_of_range

    if not texts:
        return
    changes = scale.changes(texts, device.settings())
    try:
        device.change_settings(changes)
    except SettingRefusedError as error:
        raise out_of_range(scale, error.number, changes) from error
