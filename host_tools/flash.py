"""Puts firmware on a board: by PlatformIO on a real one, in a running emulator for the others.

`python -m host_tools.flash` is what PlatformIO's targets `upload` and `exec` of an emulated board
run; people use `sotto flash`.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from host_tools import emulator
from host_tools.boards import BOARDS, Board
from host_tools.build import (
    DEFAULT_FIRMWARE,
    DEFAULT_PROGRAM,
    WORKSPACE,
    Firmware,
    Program,
    run_platformio,
)
from host_tools.errors import EXIT_OK, SottoError
from host_tools.files import locked, write_atomically

STOP_TIMEOUT_S = 10.0

_STATE_FOLDER = "boards"


@dataclass(frozen=True)
class Started:
    """A board that runs in the background.

    Attributes:
        pid: its process.
        born_ticks: when the kernel started that process; tells it from a later one with its pid.
        url: its serial line.
    """

    pid: int
    born_ticks: int
    url: str


def flash(
    board: Board,
    generated: Path,
    root: Path,
    port: str | None = None,
    firmware: Firmware = DEFAULT_FIRMWARE,
) -> None:
    """Build the firmware with a generated model and write it to a plugged-in board.

    Args:
        port: serial port or probe, as PlatformIO takes it; None lets PlatformIO find it.

    Raises:
        SottoError: the board is no hardware, or PlatformIO failed, with its own words.
    """
    if board.kind != "hardware":
        raise SottoError(
            f"{board.name} is {board.kind}, there is nothing to write to",
            f"Start it with `sotto flash -b {board.name}`.",
        )
    arguments = ["--target", "upload", *(["--upload-port", port] if port else [])]
    run_platformio(board, generated, root, arguments, firmware)


def start_in_background(
    board: Board, elf: Path, root: Path, port: int = 0, program: Program = DEFAULT_PROGRAM
) -> Started:
    """Run an emulated or host board until `stop`; replaces the one that runs already.

    Each program has a board of its own, so that verbs find the one that they can talk to.
    """
    path = _state_file(board, root, program)
    with locked(path.with_suffix(".lock")):  # of two at once, the later ends what the first started
        stop(board, root, program)
        running = emulator.start_detached(board, elf, icount=True, port=port)
        started = Started(running.pid, _born_ticks(running.pid) or 0, running.url)
        try:
            write_atomically(path, json.dumps(asdict(started)).encode())
        except BaseException:
            running.close()  # a board that no file names could never be stopped
            raise
    return started


def in_background(board: Board, root: Path, program: Program = DEFAULT_PROGRAM) -> Started | None:
    """The board that `start_in_background` left running, None when there is none or it died."""
    try:
        started = Started(**json.loads(_state_file(board, root, program).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return started if _born_ticks(started.pid) == started.born_ticks else None


def stop(board: Board, root: Path, program: Program = DEFAULT_PROGRAM) -> bool:
    """End the board that runs in the background and wait until it is gone; False if none ran."""
    started = in_background(board, root, program)
    _state_file(board, root, program).unlink(missing_ok=True)
    if started is None:
        return False
    try:
        process = os.pidfd_open(started.pid)
    except ProcessLookupError:
        return False
    try:
        # Asked again: from here on the descriptor, unlike a number, cannot mean another process.
        if _born_ticks(started.pid) == started.born_ticks:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [], STOP_TIMEOUT_S)
    finally:
        os.close(process)
    return True


def _state_file(board: Board, root: Path, program: Program) -> Path:
    name = board.name if program == DEFAULT_PROGRAM else f"{board.name}-{program}"
    return root / WORKSPACE / _STATE_FOLDER / f"{name}.json"


def _born_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot (proc(5), field 22); None when gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold blanks
    state, start_time = fields[0], fields[19]
    return None if state == "Z" else int(start_time)


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, run or stop a board's firmware; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m host_tools.flash", description=__doc__)
    parser.add_argument("verb", choices=("start", "exec", "stop"))
    parser.add_argument("board", choices=sorted(BOARDS))
    parser.add_argument("elf", type=Path, nargs="?", default=Path())
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    options = parser.parse_args(arguments)
    board, root = BOARDS[options.board], Path.cwd()
    try:
        if options.verb == "start":
            print(start_in_background(board, options.elf, root, options.port).url)
        elif options.verb == "exec":
            _run_until_interrupted(board, options.elf, options.port)
        elif not stop(board, root):
            print(f"{board.name} was not running", file=sys.stderr)
    except SottoError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return error.exit_code
    return EXIT_OK


def _run_until_interrupted(board: Board, elf: Path, port: int) -> None:
    with (
        emulator.start(board, elf, icount=True, port=port) as running,
        suppress(KeyboardInterrupt),  # which may come as soon as the line is printed
    ):
        print(f"{running.url}  (Ctrl-C ends it)", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
