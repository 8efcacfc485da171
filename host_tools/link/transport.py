"""Byte streams to a board: serial ports, TCP sockets, and one with faults for tests."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host_tools.devices.access import group_remedy, holders
from host_tools.errors import SottoError

BAUD_RATE = 921_600
_READ_BYTES = 4096
_CONNECT_TIMEOUT_S = 5.0
_WRITE_TIMEOUT_S = 10.0
_NO_HARDWARE = "n/a"
"""What pyserial says of ports that are declared and not there."""


class LinkLostError(Exception):
    """The stream ended or stopped taking bytes; the text says which."""


class Transport(Protocol):
    """A byte stream. Both calls raise LinkLostError when the stream is gone."""

    def write(self, data: bytes) -> None:
        """Send all bytes."""

    def read(self, timeout_s: float) -> bytes:
        """Return at once what has come; wait up to `timeout_s` for a first byte, b"" if none."""

    def close(self) -> None:
        """Give the port back. May be called twice."""

    def now_s(self) -> float:
        """The clock by which this line's timeouts run; a simulated line has its own."""


class InRealTime:
    """Base of the transports whose timeouts run by this computer's clock."""

    def now_s(self) -> float:
        """See Transport."""
        return time.monotonic()


def open_transport(url: str, baud: int = BAUD_RATE) -> Transport:
    """Open `socket://HOST:PORT`, a serial port (`/dev/ttyACM0`, `COM3`) or a pyserial URL.

    Args:
        url: a serial port may end in its rate: `/dev/ttyUSB0@115200`.
        baud: of a serial port that says none; a socket has none.

    Raises:
        SottoError: no such port (with those that exist), busy, not allowed, nobody listens.
    """
    if url.startswith("socket://"):
        return SocketTransport(url)
    name, rate = split_rate(url)
    return SerialTransport(name, rate or baud)


def split_rate(url: str) -> tuple[str, int | None]:
    """A serial port and the rate that its name ends in, None when it says none."""
    name, _, rate = url.rpartition("@")
    if name and rate.isdecimal() and int(rate) > 0:
        return name, int(rate)
    return url, None


class SocketTransport(InRealTime):
    """A TCP connection, without Nagle's delay: an emulator's or a host process's serial line."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or not port:
            raise SottoError(f"{url!r} names no socket", "Write it as socket://HOST:PORT.")
        try:
            self._socket = socket.create_connection((host, port), _CONNECT_TIMEOUT_S)
        except OSError as error:
            raise SottoError(
                f"nobody listens at {url} ({error.strerror or error})",
                "Start the board first: `sotto flash` starts an emulated one and prints its port.",
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> None:
        """See Transport."""
        try:
            self._socket.settimeout(_WRITE_TIMEOUT_S)
            self._socket.sendall(data)
        except TimeoutError as error:
            raise LinkLostError("the board takes no more bytes") from error
        except OSError as error:
            raise LinkLostError(f"the connection ended ({error.strerror})") from error

    def read(self, timeout_s: float) -> bytes:
        """See Transport."""
        try:
            self._socket.settimeout(max(timeout_s, 1e-6))
            data = self._socket.recv(_READ_BYTES)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError as error:
            raise LinkLostError(f"the connection ended ({error.strerror})") from error
        if not data:
            raise LinkLostError("the connection was closed at the other end")
        return data

    def close(self) -> None:
        """See Transport."""
        self._socket.close()


class SerialTransport(InRealTime):
    """A serial port, or any other URL that pyserial knows."""

    def __init__(self, url: str, baud: int = BAUD_RATE) -> None:
        try:
            self._serial = serial.serial_for_url(
                url, baudrate=baud, timeout=0, write_timeout=_WRITE_TIMEOUT_S, exclusive=True
            )
        except ValueError as error:
            raise SottoError(f"{url!r} is no port: {error}", _ports_remedy()) from error
        except (serial.SerialException, OSError) as error:
            raise _explain_open(url, error) from error

    def write(self, data: bytes) -> None:
        """See Transport."""
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException as error:
            raise LinkLostError("the board takes no more bytes") from error
        except (serial.SerialException, OSError) as error:
            raise LinkLostError(f"the port is gone ({error})") from error

    def read(self, timeout_s: float) -> bytes:
        """See Transport."""
        try:
            self._serial.timeout = timeout_s
            first = self._serial.read(1)
            return bytes(first + self._serial.read(self._serial.in_waiting)) if first else b""
        except (serial.SerialException, OSError) as error:
            raise LinkLostError(f"the port is gone ({error})") from error

    def close(self) -> None:
        """See Transport."""
        with suppress(OSError):
            self._serial.close()


def serial_ports() -> list[ListPortInfo]:
    """Serial ports with something behind them: a PC declares more than it has."""
    return sorted(port for port in list_ports.comports() if port.hwid != _NO_HARDWARE)


def _ports_remedy() -> str:
    names = [port.device for port in serial_ports()]
    if not names:
        return "This machine has no serial port: plug the board in, or use socket://HOST:PORT."
    return f"Choose one of these ports: {', '.join(names)}."


def _explain_open(url: str, error: Exception) -> SottoError:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return SottoError(f"there is no port {url}", _ports_remedy())
    if number in (errno.EACCES, errno.EPERM):
        return SottoError(
            f"no permission to open {url}",
            group_remedy(Path(url)),
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        who = ", ".join(holders(Path(url))) or "another program"
        return SottoError(
            f"{url} is busy: {who} has it open",
            "Close the serial monitor or the other sotto that uses it.",
        )
    return SottoError(f"{url} does not open: {error}", _ports_remedy())
