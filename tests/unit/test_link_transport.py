"""Ports that open, ports that do not, and the transport with faults."""

from __future__ import annotations

import errno
import os
import pty
import random
import socket
import tty
from collections.abc import Iterator

import pytest
import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host_tools.errors import EXIT_USAGE, SottoError
from host_tools.link import transport
from host_tools.link.faulty import Fault, FaultPlan, FaultyTransport, misread
from host_tools.link.transport import LinkLostError, open_transport

WAIT_S = 10.0
PAUSE_S = 0.02
SEED_OF_FIRST_ONLY = 3
"""With probability 0.5 it strikes the first chunk and spares the second."""
CHUNK = bytes(range(1, 41))


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A pseudo terminal: (file descriptor of its far end, name of its port)."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def read_all(source: transport.Transport, length_bytes: int) -> bytes:
    data = b""
    while len(data) < length_bytes and (more := source.read(WAIT_S)):
        data += more
    return data


def test_bytes_pass_a_serial_port_both_ways(line: tuple[int, str]) -> None:
    master, name = line
    port = open_transport(name)
    every_byte = bytes(range(256))
    port.write(every_byte)
    assert os.read(master, 4096) == every_byte
    os.write(master, every_byte)
    assert read_all(port, 256) == every_byte
    assert port.read(0.01) == b""
    port.close()
    port.close()


def test_a_port_that_is_open_elsewhere_is_busy(line: tuple[int, str]) -> None:
    port = open_transport(line[1])
    with pytest.raises(SottoError, match="is busy") as error:
        open_transport(line[1])
    assert "serial monitor" in error.value.remedy
    port.close()


def test_a_port_that_does_not_exist_lists_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [ListPortInfo(f"/dev/tty{name}") for name in ("USB7", "ACM3", "S0")]
    for port in ports[:2]:
        port.hwid = "USB VID:PID=0483:374B"  # what is behind the last one is not known: nothing is
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    with pytest.raises(SottoError, match="there is no port /dev/ttyACM99") as error:
        open_transport("/dev/ttyACM99")
    assert error.value.remedy == "Choose one of these ports: /dev/ttyACM3, /dev/ttyUSB7."
    assert error.value.exit_code == EXIT_USAGE


def test_without_any_port_the_remedy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_ports, "comports", list)
    with pytest.raises(SottoError, match="there is no port") as error:
        open_transport("/dev/ttyACM99")
    assert "has no serial port" in error.value.remedy


def test_no_permission_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(SottoError, match="no permission to open /dev/ttyACM0") as error:
        open_transport("/dev/ttyACM0")
    assert "dialout" in error.value.remedy


@pytest.mark.parametrize("url", ["nonsense://x", "socket://", "socket://host", "socket://h:99999"])
def test_an_address_without_sense_is_refused(url: str) -> None:
    with pytest.raises(SottoError, match=r"is no port|names no socket"):
        open_transport(url)


@pytest.mark.parametrize(
    ("url", "name", "baud"),
    [
        ("/dev/ttyUSB0@3000000", "/dev/ttyUSB0", 3_000_000),
        ("COM3", "COM3", 921_600),
        ("alt://COM3@home", "alt://COM3@home", 921_600),
    ],
)
def test_a_port_may_end_in_its_rate(
    url: str, name: str, baud: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(transport, "SerialTransport", lambda *port: opened.append(port))
    open_transport(url)
    assert opened == [(name, baud)]


def test_a_socket_where_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"socket://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(SottoError, match="nobody listens at") as error:
            open_transport(url)
    assert "sotto flash" in error.value.remedy


def test_a_socket_that_is_closed_at_the_other_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = open_transport(f"socket://127.0.0.1:{server.getsockname()[1]}")
        far_end, _ = server.accept()
        far_end.sendall(b"last words")
        assert read_all(port, 10) == b"last words"
        assert port.read(0.0) == b""
        far_end.close()
        with pytest.raises(LinkLostError, match="closed at the other end"):
            port.read(WAIT_S)
        port.close()


class Wire:
    """What arrived at the far end, with the time of arrival; gives back what is put in `back`.

    Its clock moves in `read` alone.
    """

    def __init__(self) -> None:
        self.time_s = 0.0
        self.resets = 0
        self.arrived: list[bytes] = []
        self.arrived_s: list[float] = []
        self.back: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.arrived.append(data)
        self.arrived_s.append(self.time_s)

    def read(self, timeout_s: float) -> bytes:
        if self.back:
            return self.back.pop(0)
        self.time_s += timeout_s
        return b""

    def now_s(self) -> float:
        return self.time_s

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        """Nothing to give back."""


def send(fault: Fault, chunks: list[bytes], seed: int = 1) -> Wire:
    wire = Wire()
    plan = FaultPlan([fault], probability=1.0, pause_s=PAUSE_S)
    faulty = FaultyTransport(wire, random.Random(seed), to_board=plan)
    for chunk in chunks:
        faulty.write(chunk)
    assert faulty.read(20 * PAUSE_S) == b""
    assert faulty.struck == {fault: len(chunks)}
    return wire


def test_a_dropped_chunk_is_lost() -> None:
    assert send(Fault.DROP, [CHUNK]).arrived == []


def test_a_duplicated_chunk_comes_twice() -> None:
    assert send(Fault.DUPLICATE, [CHUNK]).arrived == [CHUNK + CHUNK]


def test_a_flip_changes_one_bit() -> None:
    (arrived,) = send(Fault.FLIP, [CHUNK]).arrived
    changed = [a ^ b for a, b in zip(arrived, CHUNK, strict=True) if a != b]
    assert [bin(one).count("1") for one in changed] == [1]


def test_inserted_bytes_stand_in_the_chunk() -> None:
    (arrived,) = send(Fault.INSERT, [CHUNK]).arrived
    assert 1 <= len(arrived) - len(CHUNK) <= 40
    assert any(arrived[:at] + arrived[at - len(CHUNK) :] == CHUNK for at in range(len(CHUNK) + 1))


def test_a_split_chunk_comes_whole_in_two_pieces() -> None:
    wire = send(Fault.SPLIT, [CHUNK])
    assert b"".join(wire.arrived) == CHUNK
    assert wire.arrived_s == [0.0, PAUSE_S]


def test_merged_chunks_come_together() -> None:
    assert b"".join(send(Fault.MERGE, [CHUNK]).arrived) == CHUNK
    assert first_only(Fault.MERGE, [CHUNK, b"next"]).arrived == [CHUNK + b"next"]


def test_a_stalled_chunk_comes_late_and_in_order() -> None:
    wire = send(Fault.STALL, [CHUNK, b"next"])
    assert b"".join(wire.arrived) == CHUNK + b"next"
    assert wire.arrived_s[0] == pytest.approx(5 * PAUSE_S)


def test_a_truncated_chunk_loses_its_end() -> None:
    arrived = b"".join(send(Fault.TRUNCATE, [CHUNK]).arrived)
    assert len(arrived) < len(CHUNK)
    assert CHUNK.startswith(arrived)


def first_only(fault: Fault, chunks: list[bytes]) -> Wire:
    """Only the first of two chunks is struck."""
    wire = Wire()
    plan = FaultPlan([fault], probability=0.5, pause_s=PAUSE_S)
    faulty = FaultyTransport(wire, random.Random(SEED_OF_FIRST_ONLY), to_board=plan)
    for chunk in chunks:
        faulty.write(chunk)
    faulty.read(20 * PAUSE_S)
    assert faulty.struck == {fault: 1}
    return wire


def test_a_reordered_chunk_comes_after_the_next_one() -> None:
    assert first_only(Fault.REORDER, [CHUNK, b"next"]).arrived == [b"next", CHUNK]
    assert send(Fault.REORDER, [CHUNK]).arrived == [CHUNK]


def test_a_full_buffer_loses_what_follows_too() -> None:
    (arrived,) = first_only(Fault.FULL_BUFFER, [CHUNK, b"next"]).arrived
    assert len(arrived) < len(CHUNK)
    assert CHUNK.startswith(arrived)


def test_a_slow_reader_takes_all_of_it_in_pieces() -> None:
    long = CHUNK * 20
    wire = send(Fault.SLOW_READER, [long])
    assert b"".join(wire.arrived) == long
    pieces = -(-len(long) // 64)
    assert wire.arrived_s == pytest.approx([number * PAUSE_S for number in range(pieces)])


def test_a_reset_loses_the_chunk_and_restarts_the_board() -> None:
    wire = send(Fault.RESET, [CHUNK])
    assert (wire.arrived, wire.resets) == ([], 1)


def test_another_baud_rate_makes_other_bytes() -> None:
    data = bytes(range(256))
    assert misread(data, 1.0) == data
    assert misread(data, 1.04) == data  # a UART bears 5 % in all
    for bit_time in (0.5, 0.9, 1.1, 2.0):
        assert misread(data, bit_time) not in (data, b"")
    # On the line 0 1111 0000 1 and idle; every second of these is looked at.
    assert misread(b"\x0f", 2.0) == bytes([0b11111001])
    # On the line 0 1010 1010 1, each bit read twice: what should be its stop bit is none.
    assert misread(b"\x55", 0.5)[:1] != bytes([0b01100110])


def test_a_plan_without_faults_changes_nothing_either_way() -> None:
    wire = Wire()
    wire.back = [b"answer"]
    faulty = FaultyTransport(wire, random.Random(1))
    faulty.write(CHUNK)
    assert wire.arrived == [CHUNK]
    assert faulty.read(WAIT_S) == b"answer"


def test_faults_strike_what_comes_back_too() -> None:
    wire = Wire()
    wire.back = [CHUNK]
    plan = FaultPlan([Fault.DUPLICATE], probability=1.0)
    faulty = FaultyTransport(wire, random.Random(1), from_board=plan)
    assert read_all(faulty, 2 * len(CHUNK)) == CHUNK + CHUNK
