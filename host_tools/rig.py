"""The test bench: a board (emulated or plugged in) beside its host twin, ready for clips."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from host_tools import emulator
from host_tools.boards import BOARDS, Board
from host_tools.build import DEFAULT_FIRMWARE, Backend, Firmware, build
from host_tools.link.device import Device, require_backend, require_model
from host_tools.link.exchange import DEFAULT_ATTEMPTS
from host_tools.manifest import Manifest, load_manifest
from host_tools.progress import Progress
from host_tools.validate import Pair

EMULATED_ATTEMPTS = 30
"""A program of this computer that does not answer may be waiting for a processor: with the timeout
of a request, a minute. One that has ended closes its line, which is told at once."""

TWIN = "host"
"""The board name of the firmware as a process of this machine."""


@dataclass(frozen=True)
class Rig:
    """Pairs that answer, all with the model of the manifest.

    Attributes:
        devices: the boards of the pairs.
        twins: what each is compared with.
        firmware: what tells one firmware from another: SHA-256 of the ELF, or the port's name.
    """

    pairs: tuple[Pair, ...]
    devices: tuple[Device, ...]
    twins: tuple[Device, ...]
    firmware: str

    @property
    def device(self) -> Device:
        """The first board."""
        return self.devices[0]


@contextmanager
def emulated_rig(
    board: Board,
    manifest: Manifest,
    root: Path,
    *,
    jobs: int,
    icount: bool,
    progress: Progress,
    firmware: Firmware = DEFAULT_FIRMWARE,
) -> Iterator[Rig]:
    """Build and start `jobs` emulators of a board, each with a twin; all end with the block.

    Args:
        icount: count instructions, so that ticks are the same in every run.
        firmware: of the board; a twin always runs the generated C.
    """
    elf = build_program(board, manifest, root, progress, firmware)
    twin_elf = build_program(BOARDS[TWIN], manifest, root, progress)
    with ExitStack() as stack:
        devices = []
        for _ in range(jobs):
            running = stack.enter_context(emulator.start(board, elf, icount=icount))
            devices.append(stack.enter_context(open_emulated(running.url, manifest)))
        twins = tuple(stack.enter_context(_twin(twin_elf, manifest)) for _ in devices)
        pairs = tuple(map(Pair, devices, twins))
        yield Rig(pairs, tuple(devices), twins, hashlib.sha256(elf.read_bytes()).hexdigest())


@contextmanager
def port_rig(
    url: str, manifest: Manifest, root: Path, *, progress: Progress, backend: Backend | None = None
) -> Iterator[Rig]:
    """Open a running board, check its model first, and give it a twin.

    Args:
        backend: what must run the model; None: any.
    """
    with ExitStack() as stack:
        device = stack.enter_context(open_checked(url, manifest))
        require_backend(device.info().backend, backend)
        twin_elf = build_program(BOARDS[TWIN], manifest, root, progress)
        twin = stack.enter_context(_twin(twin_elf, manifest))
        yield Rig((Pair(device, twin),), (device,), (twin,), url)


@contextmanager
def open_checked(
    url: str, manifest: Manifest, attempts: int = DEFAULT_ATTEMPTS
) -> Iterator[Device]:
    """A device that runs the manifest's model.

    Raises:
        SottoError: nothing answers there, or the board holds another model.
    """
    with Device.open(url, attempts=attempts) as device:
        require_model(device.info(), manifest.model_hash)
        yield device


def open_emulated(url: str, manifest: Manifest) -> AbstractContextManager[Device]:
    """As `open_checked`, with patience for an emulator on a busy computer."""
    return open_checked(url, manifest, EMULATED_ATTEMPTS)


@contextmanager
def running_board(
    board: Board,
    generated: Path,
    root: Path,
    progress: Progress,
    *,
    icount: bool = False,
    firmware: Firmware = DEFAULT_FIRMWARE,
) -> Iterator[Device]:
    """Build and start one emulated board; it ends with the block.

    Args:
        icount: count instructions, so that ticks are the same in every run.
    """
    manifest = load_manifest(generated)
    elf = build_program(board, manifest, root, progress, firmware)
    with (
        emulator.start(board, elf, icount=icount) as running,
        open_emulated(running.url, manifest) as device,
    ):
        yield device


@contextmanager
def _twin(elf: Path, manifest: Manifest) -> Iterator[Device]:
    with (
        emulator.start(BOARDS[TWIN], elf) as running,
        open_emulated(running.url, manifest) as device,
    ):
        yield device


def build_program(
    board: Board,
    manifest: Manifest,
    root: Path,
    progress: Progress,
    firmware: Firmware = DEFAULT_FIRMWARE,
) -> Path:
    """Build firmware with the manifest's model for a board; its ELF."""
    with progress.task(f"Building {board.name}", total=1) as task:
        result = build(board, manifest.path.parent, root, firmware)
        task.advance()
    return result.elf
