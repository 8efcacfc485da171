"""Puts firmware on a board and asks the board whether it runs.

`python -m host_tools.flash` is what PlatformIO's targets `upload` and `exec` run; people use
`sotto flash`.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from host_tools import emulator
from host_tools.background import start_in_background, stop
from host_tools.boards import BOARDS, Board
from host_tools.build import DEFAULT_GENERATED, DEFAULT_PROGRAM, Program
from host_tools.devices.choose import Place, place_of
from host_tools.devices.plugged import Plugged, plugged_in
from host_tools.devices.tools import Image, ToolFailedError
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_OK, Interrupted, SottoError
from host_tools.link.device import HASH_DIGITS_SHOWN, Device
from host_tools.link.exchange import DEFAULT_ATTEMPTS
from host_tools.link.transport import serial_ports, split_rate
from host_tools.mlperf.monitor import Monitor
from host_tools.progress import Progress, Task, TerminalProgress
from host_tools.rig import EMULATED_ATTEMPTS

APPEAR_TIMEOUT_S = 10.0
"""A board whose own chip is the USB device leaves the bus when it restarts and comes back."""
_LOOK_AGAIN_S = 0.2

_DEVICE_ID = 0xFFF
"""Mask of `ChipId.device`."""


def write(image: Image, place: Place, progress: Progress) -> None:
    """Write firmware to a real board and start it.

    Raises:
        SottoError: the chip is another one (nothing was written), or the tool failed.
        Interrupted: Ctrl-C; says what is on the board.
    """
    board, began = image.board, False
    try:
        with progress.task(f"Writing to {board.name} by {place.tool.name}", total=1) as task:
            _check_chip(image, place, task)
            began = True
            place.tool.write(image, place.at, task)
            task.advance()
    except ToolFailedError as error:
        raise SottoError(
            f"writing to {board.name} at {place.at.name} failed: {error.message}",
            f"{error.remedy} {_state(board, began)}",
            error.exit_code,
        ) from error
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted. {_state(board, began)}") from None


def _check_chip(image: Image, place: Place, task: Task) -> None:
    """Refuse a chip that the firmware was not built for, before anything is written."""
    wanted = image.hardware.chip_id
    if wanted is None:
        return
    word = place.tool.read_word(wanted.address, image.hardware, place.at, task)
    if word is None or (found := word & _DEVICE_ID) == wanted.device:
        return
    fitting = [
        other.name
        for other in BOARDS.values()
        if other.hardware is not None
        and other.hardware.chip_id is not None
        and other.hardware.chip_id.device == found
    ]
    meant = f"Give --board {' or '.join(fitting)}" if fitting else "Choose another --board"
    raise SottoError(
        f"the chip at {place.at.name} says {found:#05x} of itself, "
        f"{image.board.name} has {wanted.device:#05x}; nothing was written",
        f"{meant}, or another probe.",
    )


def _state(board: Board, began: bool) -> str:
    """What is on the board after a tool did not end well."""
    if not began:
        return f"Nothing was written to {board.name}."
    return (
        f"{board.name} may hold half a firmware now and not start; probe and boot loader are not "
        "touched, so run the same command again."
    )


def check(line: Plugged, expected_hash: str, program: Program, board: Board) -> None:
    """Ask what runs now on a board that has just been written to, or started.

    Args:
        expected_hash: of the model that was built.

    Raises:
        SottoError: another model or board answers (exit code 1), or nobody.
    """
    attempts = DEFAULT_ATTEMPTS if board.kind == "hardware" else EMULATED_ATTEMPTS
    deadline = time.monotonic() + APPEAR_TIMEOUT_S
    while True:
        try:
            name, found = _who_answers(_name_now(line), program, attempts)
            break
        except SottoError:
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(_LOOK_AGAIN_S)  # nothing tells when the port is back
    if found != expected_hash:
        raise SottoError(
            f"{line.name} runs the model {found[:HASH_DIGITS_SHOWN]}..., "
            f"built was {expected_hash[:HASH_DIGITS_SHOWN]}...",
            "The board that was written to is another than the one that answers, or it did not "
            "restart: press its reset button, and look with `sotto devices --ask`.",
            EXIT_CHECK_FAILED,
        )
    if board.kind == "hardware" and name != board.name:
        raise SottoError(
            f"{line.name} says that it is {name}, written was the firmware of {board.name}",
            "Name the port of the board that was written to with --port.",
            EXIT_CHECK_FAILED,
        )


def _name_now(line: Plugged) -> str:
    """The port again: a board that left the bus may come back under another name."""
    name, rate = split_rate(line.name)
    same = [port.device for port in serial_ports() if line.serial == port.serial_number]
    name = same[0] if line.serial and same else name
    return f"{name}@{rate}" if rate else name


def _who_answers(url: str, program: Program, attempts: int) -> tuple[str, str]:
    """Name of the board and hash of its model."""
    if program == DEFAULT_PROGRAM:
        with Device.open(url, attempts=attempts) as device:
            info = device.info()
        return info.board, info.model_hash
    with Monitor.open(url, attempts=attempts) as monitor:
        identity = monitor.identity()
    return identity.name, identity.model_hash or ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Upload to a board, or run or stop an emulated one; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m host_tools.flash", description=__doc__)
    parser.add_argument("verb", choices=("upload", "exec", "stop"))
    parser.add_argument("board", choices=sorted(BOARDS))
    parser.add_argument("elf", type=Path, nargs="?", default=Path())
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    options = parser.parse_args(arguments)
    board, root = BOARDS[options.board], Path.cwd()
    try:
        if options.verb == "upload":
            _upload(board, options.elf, root, options.port)
        elif options.verb == "exec":
            _run_until_interrupted(board, options.elf, options.port)
        elif not stop(board, root):
            print(f"{board.name} was not running", file=sys.stderr)
    except SottoError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return error.exit_code
    return EXIT_OK


def _upload(board: Board, elf: Path, root: Path, port: int) -> None:
    if board.kind != "hardware":
        print(start_in_background(board, elf, root, port).url)
        return
    place = place_of(board, plugged_in(root), ask=False)
    write(Image(board, elf, root / DEFAULT_GENERATED, root), place, TerminalProgress())


def _run_until_interrupted(board: Board, elf: Path, port: int) -> None:
    with (
        emulator.start(board, elf, icount=True, port=port) as running,
        suppress(KeyboardInterrupt),  # which may come as soon as the line is printed
    ):
        print(f"{running.url}  (Ctrl-C ends it)", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
