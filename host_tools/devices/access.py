"""Whether a device may be used: permissions and what mends them, and who holds a port."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterable
from pathlib import Path

from host_tools.boards import BOARDS, UsbId

PROC = Path("/proc")
RULES_FILE = Path("/etc/udev/rules.d/70-sotto.rules")
"""Before 73, where udev gives the user at the screen what the rules have tagged for that."""
INSTALL_RULES = (
    f"sotto devices --udev | sudo tee {RULES_FILE} && "
    "sudo udevadm control -R && sudo udevadm trigger"
)


def may_use(path: Path) -> bool:
    """Whether this user may read and write a device."""
    return os.access(path, os.R_OK | os.W_OK)


def holders(path: Path, proc: Path = PROC) -> tuple[str, ...]:
    """Other programs that have a device open, as `name (pid)`.

    Only root sees the files of other users' programs, so none found does not mean that it is free.
    """
    target = str(path.resolve())
    found = []
    for process in proc.glob("[0-9]*"):
        try:
            ours = int(process.name) == os.getpid()
            links = () if ours else [str(link.readlink()) for link in (process / "fd").iterdir()]
            if target in links:
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
        except OSError:  # it has ended, or belongs to somebody else
            continue
    return tuple(sorted(found))


def group_remedy(path: Path) -> str:
    """How to be allowed to open a serial port: a group, or a rule where the group is root's."""
    try:
        group = grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        group = "dialout"
    if group == "root":
        return f"Install a udev rule: `{INSTALL_RULES}`, then plug it in again."
    return (
        f"Add yourself to the group that owns it (`sudo usermod -aG {group} $USER`), "
        f"then log in again; or install a udev rule: `{INSTALL_RULES}`."
    )


def rules_remedy(usb: UsbId) -> str:
    """How to be allowed to use a probe or a boot loader."""
    return f"Install the udev rule for {usb}: `{INSTALL_RULES}`, then plug it in again."


def known_ids() -> tuple[UsbId, ...]:
    """What the boards that sotto knows may show on the bus, in order."""
    found = set()
    for board in BOARDS.values():
        if (hardware := board.hardware) is not None:
            found |= {*hardware.usb, *([hardware.dfu] if hardware.dfu else [])}
    return tuple(sorted(found, key=str))


def udev_rules(ids: Iterable[UsbId]) -> str:
    """Rules that let the user at the screen, and the group dialout, use these devices.

    ModemManager asks every new serial port whether it is a modem, which a board takes for garbage
    and which keeps the port busy: it is told to leave these alone.
    """
    lines = [
        "# Boards and debug probes that sotto flashes and talks to; written by `sotto devices`"
    ]
    for usb in ids:
        match = f'idVendor}}=="{usb.vendor:04x}"', f'idProduct}}=="{usb.product:04x}"'
        grant = 'MODE="0660", GROUP="dialout", TAG+="uaccess"'
        lines.append(
            f'SUBSYSTEM=="usb", ATTR{{{match[0]}, ATTR{{{match[1]}, {grant}, '
            'ENV{ID_MM_DEVICE_IGNORE}="1"'
        )
        lines.append(f'SUBSYSTEM=="tty", ATTRS{{{match[0]}, ATTRS{{{match[1]}, {grant}')
    return "\n".join(lines) + "\n"
