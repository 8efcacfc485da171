"""What is on the USB bus, as the kernel tells it in sysfs.

libusb would have to open a device for its serial number, and the device that nobody may open is the
one to explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from host_tools.boards import UsbId

SYSFS = Path("/sys/bus/usb/devices")
DEVICE_NODES = Path("/dev/bus/usb")


@dataclass(frozen=True)
class UsbDevice:
    """One device.

    Attributes:
        serial: its serial number as probe tools write it; empty when it has none.
        title: maker and product in its own words.
        node: the file to open, which its permissions are about.
        interfaces: names of its interfaces, where they have names.
    """

    id: UsbId
    serial: str
    title: str
    node: Path
    interfaces: tuple[str, ...]


def usb_devices(sysfs: Path = SYSFS) -> list[UsbDevice]:
    """All devices in the order of their places; none where the kernel has no USB."""
    folders = sorted(sysfs.glob("*")) if sysfs.is_dir() else []
    return [_read(folder) for folder in folders if (folder / "idVendor").is_file()]


def _read(folder: Path) -> UsbDevice:
    vendor, product = (int(_text(folder, f"id{name}"), 16) for name in ("Vendor", "Product"))
    bus, number = (int(_text(folder, name)) for name in ("busnum", "devnum"))
    interfaces = (_text(part, "interface") for part in sorted(folder.glob(f"{folder.name}:*")))
    return UsbDevice(
        UsbId(vendor, product),
        _printable(_text(folder, "serial")),
        f"{_text(folder, 'manufacturer')} {_text(folder, 'product')}".strip(),
        DEVICE_NODES / f"{bus:03d}" / f"{number:03d}",
        tuple(filter(None, interfaces)),
    )


def _text(folder: Path, name: str) -> str:
    path = folder / name
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""


def _printable(serial: str) -> str:
    """Old ST-Links give twelve bytes where others give letters: tools then write them in hex."""
    return serial if serial.isprintable() else serial.encode("latin-1", "replace").hex().upper()
