"""Starts firmware without hardware: in QEMU, or as a process of this computer.

The serial line of both is a TCP socket on the loopback device. For QEMU this module opens the
listening socket itself and hands it over, so the port is free for certain, a client may connect at
once, and nothing has to be polled. A monitor socket tells when the machine runs.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from host_tools.boards import Board
from host_tools.errors import EXIT_CHECK_FAILED, SottoError

LOOPBACK = "127.0.0.1"
QEMU = "qemu-system-arm"
START_TIMEOUT_S = 30.0

_WORDS_BYTES = 1 << 16  # what a pipe holds
_LISTENING = re.compile(rb"^listening 127\.0\.0\.1:(\d+)\n", re.MULTILINE)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
# A multiplexed serial line has a FIFO, which doubles its speed, and an escape character, which is
# one of the bytes of the protocol. No byte has the value 256.
_NO_ESCAPE_CHARACTER = "256"


class Running:
    """A board that runs. A context manager; the process ends with the block and with its parent.

    Attributes:
        url: where its serial line is, as `socket://127.0.0.1:PORT`.
    """

    def __init__(self, board: Board, process: subprocess.Popen[bytes], url: str) -> None:
        self.board = board
        self.url = url
        self._process = process

    @property
    def pid(self) -> int:
        """Process id of the emulator or of the firmware process."""
        return self._process.pid

    def close(self) -> None:
        """End the process. May be called twice.

        Raises:
            SottoError: it had ended by itself before, as firmware under sanitizers does.
        """
        if _stderr(self._process).closed:
            return
        code = self._process.poll()
        self._process.kill()
        self._process.wait()
        words = _read_words(self._process, 0.0).decode(errors="replace").strip()
        _stderr(self._process).close()
        if code is not None:
            raise SottoError(
                f"{self.board.name} ended by itself with code {code}: {words or 'no words'}",
                "Repair what its last words name, then build again.",
                EXIT_CHECK_FAILED,
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *_: object
    ) -> None:
        try:
            self.close()
        except SottoError as ended:
            if error is None:
                raise
            error.add_note(ended.message)  # the first error stays the one that is reported


def start(board: Board, elf: Path, icount: bool = False, port: int = 0) -> Running:
    """Run firmware and return when its serial line can be opened.

    Args:
        board: an emulated or a host board.
        elf: the built firmware.
        icount: let QEMU advance its clock by instructions in place of time: the firmware's ticks
            then count instructions, and so it says. Without effect on host boards.
        port: TCP port of the serial line; 0 takes a free one.

    Raises:
        SottoError: no emulator, no firmware, the port is taken, or the process does not start.
    """
    return _launch(board, elf, icount=icount, port=port, dies_with_parent=True)


def start_detached(board: Board, elf: Path, icount: bool = False, port: int = 0) -> Running:
    """As `start`, but the process outlives this one unless `close` is called."""
    return _launch(board, elf, icount=icount, port=port, dies_with_parent=False)


def find_qemu(program: str = QEMU) -> str:
    """Path of the emulator.

    Raises:
        SottoError: it is not on PATH; the remedy is the command that installs it.
    """
    path = shutil.which(program)
    if path is None:
        package = program if program == QEMU else "qemu-system-misc"
        raise SottoError(
            f"{program} is not on PATH, so no board can be emulated",
            f"Install it: `sudo apt-get install -y {package}`.",
        )
    return path


def _launch(board: Board, elf: Path, *, icount: bool, port: int, dies_with_parent: bool) -> Running:
    if not elf.is_file():
        raise SottoError(f"there is no firmware at {elf}", f"Run `sotto build -b {board.name}`.")
    if board.kind == "emulated":
        return _launch_qemu(board, elf, icount, port, dies_with_parent)
    if board.kind == "host":
        return _launch_host(board, elf, port, dies_with_parent)
    raise SottoError(
        f"{board.name} is hardware and cannot be emulated",
        "Plug it in, run `sotto flash` and give its serial port.",
    )


def _launch_qemu(
    board: Board, elf: Path, icount: bool, port: int, dies_with_parent: bool
) -> Running:
    qemu = find_qemu(board.emulator)
    with ExitStack() as stack:
        line = stack.enter_context(_listen(port))
        url = f"socket://{LOOPBACK}:{line.getsockname()[1]}"
        monitor, monitor_of_qemu = socket.socketpair()
        stack.enter_context(monitor)
        with monitor_of_qemu:
            fds = line.fileno(), monitor_of_qemu.fileno()
            process = _spawn(_qemu_command(qemu, board, elf, icount, *fds), fds, dies_with_parent)
        _await_greeting(monitor, board, process)
    return Running(board, process, url)


def _qemu_command(
    qemu: str, board: Board, elf: Path, icount: bool, line_fd: int, monitor_fd: int
) -> list[str]:
    return [
        *(qemu, "-M", board.machine, *board.emulator_options, "-kernel", str(elf)),
        *("-nodefaults", "-display", "none", "-nic", "none"),
        "-chardev",
        f"socket,id=line,fd={line_fd},server=on,wait=off,nodelay=on,mux=on",
        *("-serial", "chardev:line", "-echr", _NO_ESCAPE_CHARACTER),
        *("-chardev", f"socket,id=monitor,fd={monitor_fd}"),
        *("-mon", "chardev=monitor,mode=readline"),
        *(("-icount", "shift=0") if icount else ()),
    ]


def _launch_host(board: Board, elf: Path, port: int, dies_with_parent: bool) -> Running:
    process = _spawn([str(elf), "--port", str(port)], [], dies_with_parent)
    words = b""
    deadline = time.monotonic() + START_TIMEOUT_S
    while (found := _LISTENING.search(words)) is None:
        more = _read_words(process, deadline - time.monotonic())
        if not more:
            raise _did_not_start(board, process, words)
        words += more
    return Running(board, process, f"socket://{LOOPBACK}:{int(found[1])}")


def _listen(port: int) -> socket.socket:
    line = socket.socket()
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind((LOOPBACK, port))
        line.listen(1)
    except OSError as error:
        line.close()
        raise SottoError(
            f"cannot listen on {LOOPBACK}:{port} ({error.strerror})",
            "Give another port, or end the program that holds it.",
        ) from error
    return line


def _await_greeting(monitor: socket.socket, board: Board, process: subprocess.Popen[bytes]) -> None:
    """QEMU's monitor speaks first, once the machine is built and the firmware is loaded.

    It is the monitor for people: the one for programs has a thread of its own, which would wake at
    each byte of the serial line and cost a third of the speed.
    """
    monitor.settimeout(START_TIMEOUT_S)
    try:
        greeted = bool(monitor.recv(1))
    except TimeoutError:
        greeted = False
    if not greeted:
        raise _did_not_start(board, process, b"")


def _did_not_start(board: Board, process: subprocess.Popen[bytes], words: bytes) -> SottoError:
    process.kill()
    code = process.wait()
    words += _read_words(process, 0.0)
    _stderr(process).close()
    said = words.decode(errors="replace").strip() or "no words"
    return SottoError(
        f"{board.name} did not start (code {code}): {said}",
        f"Build again with `sotto build -b {board.name}`; `sotto doctor` checks the tools.",
    )


def _stderr(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stderr is not None  # _spawn always asks for it
    return process.stderr


def _read_words(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    """What the process has written to its standard error; b"" at its end or after the timeout."""
    stream = _stderr(process)
    ready, _, _ = select.select([stream], [], [], max(0.0, timeout_s))
    return os.read(stream.fileno(), _WORDS_BYTES) if ready else b""


def _spawn(
    command: Sequence[str], handed_over: Sequence[int], dies_with_parent: bool
) -> subprocess.Popen[bytes]:
    before_exec = functools.partial(end_with_parent, os.getpid()) if dies_with_parent else None

    def popen() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=handed_over,
            # Ctrl-C in the terminal is for this program, which then ends the board in order.
            start_new_session=True,
            preexec_fn=before_exec,
        )

    return _spawner(os.getpid()).submit(popen).result()


@functools.cache
def _spawner(_pid: int) -> ThreadPoolExecutor:
    """One thread that starts all boards of this process and lives as long as it.

    The kernel takes the thread that called fork for the parent of `end_with_parent`, so a board
    started from a short-lived worker thread would die with that thread.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="boards")


def end_with_parent(parent_pid: int) -> None:
    """In the child: let the kernel kill it when its parent is gone, however that happened."""
    if sys.platform != "linux":
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it was gone before the call
        os._exit(1)
