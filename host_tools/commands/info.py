"""`sotto info`: who is this board?"""

from __future__ import annotations

from collections.abc import Sequence
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
    CompareOption,
    GeneratedOption,
    JsonOption,
    PortOption,
    choose_firmware,
    find_board,
    require_port,
)
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.progress import TerminalProgress, print_json, result_console

if TYPE_CHECKING:
    from host_tools.link.device import Device
    from host_tools.manifest import Layer

EXAMPLE = "Example: `sotto info --port /dev/ttyACM0` or `sotto info --board mps2_m4`"


def command(
    port: PortOption = None,
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Let the board check itself; exit 1 if it fails.")
    ] = False,
    compare_kernels: CompareOption = False,
    json_out: JsonOption = False,
) -> None:
    """Ask a board for its model, memory, counters, last restart and self-test.

    Without --port: the board that `sotto flash` started, or else one that is started for this.
    """
    from host_tools.twin.run import describe_self_test, health_json

    target = find_board(board)
    require_port(target, port)
    with _open(target, port, generated, compare_kernels) as device:
        info, health = device.info(), device.health()
        fields = asdict(info) | health_json(health)
        fields["labels"] = list(device.labels())
        tested = device.self_test() if self_test else None
    layers = _layers(generated, info.model_hash, health.kernels)
    fields["self_test_at_start"] = describe_self_test(health.self_test, health, layers)
    if tested:
        fields["self_test"] = describe_self_test(tested, health, layers)
    if json_out:
        print_json(fields)
    else:
        _show(fields)
    if tested and not tested.passed:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _open(
    board: Board, port: str | None, generated: Path, compare_kernels: bool
) -> AbstractContextManager[Device]:
    from host_tools.link.device import Device

    if compare_kernels:
        if port is not None:
            raise SottoError(
                "what the board at --port compares was decided when it was built",
                "Leave --compare-kernels out, or flash it with `sotto flash --compare-kernels`.",
            )
        from host_tools.rig import running_board

        firmware = choose_firmware(board, None, None, compared_with=generated)
        return running_board(board, generated, ROOT, TerminalProgress(), firmware=firmware)
    if port is None:
        from host_tools.background import in_background
        from host_tools.rig import running_board

        started = in_background(board, ROOT)
        if started is None:
            return running_board(board, generated, ROOT, TerminalProgress())
        port = started.url
    return Device.open(port)


def _layers(generated: Path, model_hash: str, kernels: str) -> Sequence[Layer]:
    """Layers of the board's network, where the folder holds that model."""
    from host_tools.manifest import load_manifest

    try:
        manifest = load_manifest(generated)
    except SottoError:
        return ()  # a board answers without any folder
    target = manifest.targets.get(kernels)
    return target.layers if target and manifest.model_hash == model_hash else ()


def _show(fields: dict[str, Any]) -> None:
    width = max(map(len, fields))
    for name, value in fields.items():
        words = ", ".join(value) if isinstance(value, list) else value
        result_console().print(f"{name:{width}}  {words}", markup=False)
