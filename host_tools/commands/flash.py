"""`sotto flash`: put the firmware on a board, or start the emulator of an emulated one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.boards import DEFAULT_BOARD, Board
from host_tools.build import DEFAULT_PROGRAM, Firmware, Program
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    BoardOption,
    CompareOption,
    GeneratedOption,
    ProgramOption,
    TflmOption,
    choose_firmware,
    find_board,
)
from host_tools.errors import Interrupted, SottoError
from host_tools.progress import Progress, TerminalProgress, result_console, talk_console

if TYPE_CHECKING:
    from host_tools.devices.plugged import Plugged
    from host_tools.manifest import Manifest

EXAMPLE = "Example: `sotto flash --board stm32f405`, later `sotto flash --stop`"


def command(
    board: BoardOption = DEFAULT_BOARD,
    port: Annotated[
        str | None,
        typer.Option("--port", "-p", metavar="PORT", help="Serial port of a real board."),
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(
            "--probe", metavar="UID", help="Serial number of its debug probe, or the first digits."
        ),
    ] = None,
    tool: Annotated[
        str | None,
        typer.Option(
            "--tool",
            metavar="NAME",
            help="pyocd, openocd, dfu, esptool or platformio [default: what serves the board].",
        ),
    ] = None,
    generated: GeneratedOption = DEFAULT_GENERATED,
    program: ProgramOption = DEFAULT_PROGRAM,
    backend: BackendOption = None,
    tflm: TflmOption = None,
    compare_kernels: CompareOption = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not ask the board which model it runs now.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="End the emulated board that runs in the background.")
    ] = False,
) -> None:
    """Build, write to a real board or start an emulated one, and ask it for its model.

    The port at which it answers is printed. Without --port and --probe the board is looked for.
    """
    from host_tools import background
    from host_tools.manifest import load_manifest

    target = find_board(board)
    real = target.kind == "hardware"
    _refuse(target, stop, {"--port": port, "--probe": probe, "--tool": tool})
    if stop:
        ran = background.stop(target, ROOT, program)
        talk_console().print(f"{target.name} {'has ended' if ran else 'was not running'}")
        return
    manifest = load_manifest(generated)
    compared = generated if compare_kernels else None
    firmware = choose_firmware(target, backend, tflm, program, compared)
    progress = TerminalProgress()
    if real:
        line = _write(target, manifest, firmware, progress, port, probe, tool, ask=not no_check)
    else:
        line = _start(target, manifest, firmware, progress)
    if line is None:
        talk_console().print(f"{target.name} is written; it was not asked for its model")
        return
    result_console().print(line.name, markup=False)
    if not no_check:
        _check(line, target, manifest, program)


def _refuse(board: Board, stop: bool, of_hardware: dict[str, str | None]) -> None:
    """Refuse options that mean nothing for this kind of board."""
    if board.kind == "hardware":
        if stop:
            raise SottoError(
                f"{board.name} is a real board: nothing of it runs in the background.",
                "Leave --stop out, or name the emulated --board to end.",
            )
        return
    for option, value in of_hardware.items():
        if value is not None:
            raise SottoError(
                f"{option} {value}: {board.name} is no real board, it is started, not written.",
                f"Leave {option} out; its port is printed.",
            )


def _write(
    board: Board,
    manifest: Manifest,
    firmware: Firmware,
    progress: Progress,
    port: str | None,
    probe: str | None,
    tool: str | None,
    *,
    ask: bool,
) -> Plugged | None:
    """Build and write; the serial line of the board when it is to be asked."""
    from host_tools import flash
    from host_tools.devices.choose import place_of
    from host_tools.devices.plugged import plugged_in
    from host_tools.devices.tools import Image
    from host_tools.rig import build_program

    place = place_of(board, plugged_in(ROOT), port=port, probe=probe, tool=tool, ask=ask)
    elf = build_program(board, manifest, ROOT, progress, firmware)
    flash.write(Image(board, elf, manifest.path.parent, ROOT, firmware), place, progress)
    return place.line


def _start(board: Board, manifest: Manifest, firmware: Firmware, progress: Progress) -> Plugged:
    from host_tools.background import start_in_background
    from host_tools.devices.plugged import Plugged
    from host_tools.rig import build_program

    elf = build_program(board, manifest, ROOT, progress, firmware)
    started = start_in_background(board, elf, ROOT, program=firmware.program)
    chosen = "" if firmware.program == DEFAULT_PROGRAM else f" --program {firmware.program}"
    talk_console().print(
        f"{board.name} is running; `sotto flash -b {board.name}{chosen} --stop` ends it"
    )
    return Plugged("emulated board", started.url, board.title, (board.name,))


def _check(line: Plugged, board: Board, manifest: Manifest, program: Program) -> None:
    from host_tools import flash
    from host_tools.link.device import HASH_DIGITS_SHOWN

    try:
        flash.check(line, manifest.model_hash, program, board)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted. {board.name} runs what was written; it was not asked for its model. "
            f"`sotto info --port {line.name}` asks."
        ) from None
    talk_console().print(
        f"{board.name} runs the model that was built: {manifest.name} "
        f"{manifest.model_hash[:HASH_DIGITS_SHOWN]}",
        markup=False,
    )
