"""The list of what is plugged in, and which boards each thing could be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serial.tools.list_ports_common import ListPortInfo

from host_tools.background import in_background
from host_tools.boards import BOARDS, ST_VENDOR, Board, Hardware, UsbId
from host_tools.build import DEFAULT_PROGRAM, PROGRAMS, Program
from host_tools.devices.access import group_remedy, holders, may_use, rules_remedy
from host_tools.devices.usb import SYSFS, UsbDevice, usb_devices
from host_tools.errors import SottoError
from host_tools.link.device import Device
from host_tools.link.messages import BoardInfo
from host_tools.link.transport import serial_ports

Kind = Literal["serial port", "debug probe", "boot loader", "emulated board"]
State = Literal["free", "busy", "no permission"]

_TALKING: tuple[Kind, ...] = ("serial port", "emulated board")
_ASK_TIMEOUT_S = 1.0
_ASK_ATTEMPTS = 3
"""A board that restarts when its port is opened needs a second before it hears."""

_ST_PROBES = range(0x3700, 0x3800)
_CMSIS_DAP = "CMSIS-DAP"
_BRIDGE_VENDORS = frozenset({0x0403, 0x067B, 0x10C4, 0x1A86})
"""FTDI, Prolific, Silicon Labs, WCH: makers of chips that are on boards and on adapters alike."""


@dataclass(frozen=True)
class Plugged:
    """One thing that is plugged in, or an emulated board that runs.

    Attributes:
        name: what --port takes, or --probe for a debug probe.
        usb: its numbers on the bus; None when it has none.
        serial: its serial number. The port and the probe of one board share it.
        title: what it calls itself.
        boards: names of the boards that it could be; empty when no known board shows itself so.
        holders: the programs that keep it busy.
        remedy: how to get permission; empty when there is nothing to mend.
    """

    kind: Kind
    name: str
    title: str
    boards: tuple[str, ...]
    usb: UsbId | None = None
    serial: str = ""
    state: State = "free"
    holders: tuple[str, ...] = ()
    remedy: str = ""


def plugged_in(root: Path, sysfs: Path = SYSFS) -> list[Plugged]:
    """Serial ports, debug probes, chips in their boot loader, and emulated boards that run.

    Args:
        root: the project, whose `sotto flash` started the emulated boards.
    """
    found = [_port(port) for port in serial_ports()]
    for device in usb_devices(sysfs):
        if _is_probe(device):
            found.append(_probe(device))
        elif boards := _boards_in_boot_loader(device.id):
            found.append(_on_bus("boot loader", device, boards))
    return found + _running(root)


def ask(url: str) -> BoardInfo:
    """Who answers at a port.

    Raises:
        SottoError: the port does not open, or nobody of ours is there.
    """
    with Device.open(url, _ASK_TIMEOUT_S, _ASK_ATTEMPTS) as device:
        return device.info()


def ask_all(things: list[Plugged]) -> dict[str, BoardInfo | SottoError]:
    """Ask every free port and every emulated board at once who it is; the answers by name."""

    def answer(name: str) -> BoardInfo | SottoError:
        try:
            return ask(name)
        except SottoError as error:
            return error

    names = [one.name for one in things if one.kind in _TALKING and one.state == "free"]
    with ThreadPoolExecutor(max(1, len(names))) as pool:
        return dict(zip(names, pool.map(answer, names), strict=True))


def _port(port: ListPortInfo) -> Plugged:
    usb = None if port.vid is None else UsbId(port.vid, port.pid)
    path = Path(port.device)
    busy = holders(path)
    allowed = may_use(path)
    return Plugged(
        kind="serial port",
        name=port.device,
        title=port.description or "",
        boards=_boards_of_port(usb) if usb else (),
        usb=usb,
        serial=port.serial_number or "",
        state="no permission" if not allowed else "busy" if busy else "free",
        holders=busy,
        remedy="" if allowed else group_remedy(path),
    )


def _boards(fits: Callable[[Hardware], bool]) -> tuple[str, ...]:
    """Names of the real boards that fit."""
    return tuple(
        board.name
        for board in BOARDS.values()
        if board.hardware is not None and fits(board.hardware)
    )


def _boards_of_port(usb: UsbId) -> tuple[str, ...]:
    """Boards with this socket first; behind an adapter anything may be that needs one."""
    own = _boards(lambda hardware: hardware.serial_over_usb and usb in hardware.usb)
    if usb.vendor not in _BRIDGE_VENDORS:
        return own
    return own + _boards(lambda hardware: not hardware.serial_over_usb)


def _boards_in_boot_loader(usb: UsbId) -> tuple[str, ...]:
    return _boards(lambda hardware: hardware.dfu == usb)


def _is_probe(device: UsbDevice) -> bool:
    of_st = device.id.vendor == ST_VENDOR and device.id.product in _ST_PROBES
    return of_st or any(_CMSIS_DAP in name for name in (device.title, *device.interfaces))


def _probe(device: UsbDevice) -> Plugged:
    """A probe that is on no known board may be wired to any that takes probes."""
    on_board = _boards(lambda hardware: device.id in hardware.usb)
    return _on_bus("debug probe", device, on_board or _boards(lambda hardware: hardware.by_probe))


def _on_bus(kind: Kind, device: UsbDevice, boards: tuple[str, ...]) -> Plugged:
    allowed = may_use(device.node)
    return Plugged(
        kind=kind,
        name=device.serial or str(device.node),
        title=device.title,
        boards=boards,
        usb=device.id,
        serial=device.serial,
        state="free" if allowed else "no permission",
        remedy="" if allowed else rules_remedy(device.id),
    )


def _running(root: Path) -> list[Plugged]:
    return [
        Plugged("emulated board", started.url, _running_title(board, program), (board.name,))
        for board in BOARDS.values()
        for program in PROGRAMS
        if (started := in_background(board, root, program)) is not None
    ]


def _running_title(board: Board, program: Program) -> str:
    return board.title if program == DEFAULT_PROGRAM else f"{board.title}, {program}"
