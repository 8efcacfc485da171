"""Emulated boards that run in the background until they are ended: one of each kind and program."""

from __future__ import annotations

import json
import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from host_tools import emulator
from host_tools.boards import Board
from host_tools.build import DEFAULT_PROGRAM, WORKSPACE, Program
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
