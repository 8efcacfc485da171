"""Boards with the benchmark's firmware: at a port, in the background, or started for one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from host_tools import emulator
from host_tools.background import in_background
from host_tools.boards import BOARDS, Board
from host_tools.build import Backend, Firmware, Program
from host_tools.link.device import Device, require_backend, require_hash
from host_tools.manifest import Manifest
from host_tools.mlperf.monitor import BAUD_RATE, Identity, Monitor
from host_tools.progress import Progress
from host_tools.rig import TWIN, build_program, running_board

PROGRAM: Program = "mlperf"
FIRMWARE = Firmware(PROGRAM)


@contextmanager
def board_monitor(
    board: Board,
    port: str | None,
    manifest: Manifest,
    root: Path,
    progress: Progress,
    baud: int = BAUD_RATE,
    *,
    firmware: Firmware = FIRMWARE,
    backend: Backend | None = None,
) -> Iterator[Monitor]:
    """The board at `port`; or the one that `sotto flash` started; or one that ends with the block.

    Args:
        firmware: what a board is started with.
        backend: what must run the model; None: any.

    Raises:
        SottoError: nothing answers there, it runs another model, or by another back-end.
    """
    started = in_background(board, root, PROGRAM) if port is None else None
    with ExitStack() as stack:
        url = started.url if started else port
        if url is None:
            elf = build_program(board, manifest, root, progress, firmware)
            url = stack.enter_context(emulator.start(board, elf, icount=True)).url
        monitor = stack.enter_context(open_checked(url, manifest, baud))
        require_backend(monitor.identity().backend, backend)
        yield monitor


@contextmanager
def host_monitor(manifest: Manifest, root: Path, progress: Progress) -> Iterator[Monitor]:
    """The same program, with the generated C, as a process of this computer."""
    elf = build_program(BOARDS[TWIN], manifest, root, progress, FIRMWARE)
    with (
        emulator.start(BOARDS[TWIN], elf) as running,
        open_checked(running.url, manifest, BAUD_RATE) as monitor,
    ):
        yield monitor


@contextmanager
def front_end(manifest: Manifest, root: Path, progress: Progress) -> Iterator[Device]:
    """sotto's firmware as a process of this computer: what turns recordings into features."""
    with running_board(BOARDS[TWIN], manifest.path.parent, root, progress) as device:
        yield device


@contextmanager
def open_checked(url: str, manifest: Manifest, baud: int) -> Iterator[Monitor]:
    """A monitor that answers and, if it is sotto's, runs the manifest's model."""
    with Monitor.open(url, baud) as monitor:
        check_model(monitor.identity(), manifest)
        yield monitor


def check_model(identity: Identity, manifest: Manifest) -> None:
    """Refuse a board of ours with another model; firmware of somebody else does not say.

    Raises:
        SottoError: with both hashes.
    """
    if identity.model_hash is not None:
        require_hash(identity.model_hash, manifest.model_hash, "sotto flash --program mlperf")
