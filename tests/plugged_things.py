"""Things to plug in without hardware: a USB bus in a folder, and a port with a board behind it."""

from __future__ import annotations

import os
import pty
import select
import socket
import threading
import tty
from pathlib import Path
from urllib.parse import urlsplit

from serial.tools.list_ports_common import ListPortInfo

from host_tools.boards import ST_LINK_V2_1, STM32_DFU, Board, ChipId, Hardware, UsbId
from host_tools.devices.plugged import Plugged

CHUNK_BYTES = 4096

USB = ST_LINK_V2_1[0]
HARDWARE = Hardware(
    (USB,),
    serial_over_usb=True,
    flash_base=0x0800_0000,
    pyocd_target="chip",
    openocd_target="chips",
    dfu=STM32_DFU,
    chip_id=ChipId(0xE004_2000, 0x413),
)
BOARD = Board("mine", "mine", "hardware", "M4", "cortex-m4f", "Mine", hardware=HARDWARE)
PROBE = Plugged("debug probe", "066DFF48", "ST-Link", ("mine", "other"), USB, "066DFF48")
LINE = Plugged("serial port", "/dev/ttyACM0", "ST-Link", ("mine", "other"), USB, "066DFF48")
ADAPTER = Plugged("serial port", "/dev/ttyUSB0", "CP2102", ("mine",), UsbId(0x10C4, 0xEA60))
LOADER = Plugged("boot loader", "315A", "STM32 BOOTLOADER", ("mine",), STM32_DFU, "315A")


def plug(
    sysfs: Path,
    usb: UsbId,
    *,
    serial: str = "",
    title: tuple[str, str] = ("Maker", "Thing"),
    interface: str = "",
) -> Path:
    """Put a device on the bus as the kernel shows it; its folder."""
    number = len(list(sysfs.glob("1-*"))) + 1
    folder = sysfs / f"1-{number}"
    (folder / f"{folder.name}:1.0").mkdir(parents=True)
    facts = {
        "idVendor": f"{usb.vendor:04x}",
        "idProduct": f"{usb.product:04x}",
        "busnum": "1",
        "devnum": str(number),
        "manufacturer": title[0],
        "product": title[1],
        f"{folder.name}:1.0/interface": interface,
    }
    if serial:
        facts["serial"] = serial
    for name, text in facts.items():
        (folder / name).write_text(f"{text}\n", encoding="latin-1")
    return folder


def port_info(device: str, usb: UsbId | None = None, serial: str = "") -> ListPortInfo:
    """What pyserial would say of a port."""
    port = ListPortInfo(device)
    port.description = "a port"
    port.hwid = "fake"
    if usb is not None:
        port.vid, port.pid = usb.vendor, usb.product
        port.serial_number = serial or None
    return port


class PtyPort:
    """A serial port of this computer; `connect` puts the board at a URL behind it.

    A context manager.

    Attributes:
        name: the port, as a user types it.
        answered_bytes: what the board has said so far.
    """

    def __init__(self, unplug_after_bytes: int | None = None) -> None:
        """Open it; the cable is pulled once the board has said so much."""
        self._unplug_after_bytes = unplug_after_bytes
        self._plugged = True
        self.answered_bytes = 0
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)
        self._board: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def connect(self, url: str) -> None:
        """Let bytes pass to and from a board until the block ends."""
        parts = urlsplit(url)
        self._board = socket.create_connection((parts.hostname, parts.port))
        self._thread = threading.Thread(target=self._pass_bytes, args=(self._board,))
        self._thread.start()

    def __enter__(self) -> PtyPort:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._board is not None:
            self._board.close()
        if self._plugged:
            self._unplug()

    def _unplug(self) -> None:
        self._plugged = False
        os.close(self._master)
        os.close(self._slave)

    def _pass_bytes(self, board: socket.socket) -> None:
        while not self._ended.is_set():
            ready, _, _ = select.select([self._master, board], [], [], 0.05)
            if self._master in ready:
                board.sendall(os.read(self._master, CHUNK_BYTES))
            if board in ready:
                data = board.recv(CHUNK_BYTES)
                if not data:
                    return
                os.write(self._master, data)
                self.answered_bytes += len(data)
                if self._unplug_after_bytes and self.answered_bytes > self._unplug_after_bytes:
                    self._unplug()
                    return
