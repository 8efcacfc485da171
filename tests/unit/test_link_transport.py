"""Ports that open, ports that do not, and the transport with faults."""

from __future__ import annotations

import errno
import os
import pty
import random
import socket
import threading
import time
import tty
from collections.abc import Iterator

import pytest
import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host_tools.errors import EXIT_USAGE, SottoError
from host_tools.link import transport
from host_tools.link.faulty import Fault, FaultPlan, FaultyTransport
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
    monkeypatch.setattr(
        list_ports, "comports", lambda: [ListPortInfo("/dev/ttyUSB7"), ListPortInfo("/dev/ttyACM3")]
    )
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
    """What arrived at the far end, with the time of arrival; gives back what is put in `back`."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.arrived_s: list[float] = []
        self.back: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.arrived.append(data)
        self.arrived_s.append(time.monotonic())

    def read(self, timeout_s: float) -> bytes:
        if self.back:
            return self.back.pop(0)
        threading.Event().wait(timeout_s)
        return b""

    def close(self) -> None:
        """Nothing to give back."""


def send(fault: Fault, chunks: list[bytes], seed: int = 1) -> Wire:
    wire = Wire()
    plan = FaultPlan([fault], probability=1.0, pause_s=PAUSE_S)
    faulty = FaultyTransport(wire, random.Random(seed), to_board=plan)
    for chunk in chunks:
        faulty.write(chunk)
    assert faulty.read(20 * PAUSE_S) == b""
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
    assert len(wire.arrived) == 2
    assert wire.arrived_s[1] - wire.arrived_s[0] >= PAUSE_S / 2


def test_merged_chunks_come_together() -> None:
    assert b"".join(send(Fault.MERGE, [CHUNK]).arrived) == CHUNK
    wire = Wire()
    plan = FaultPlan([Fault.MERGE], probability=0.5, pause_s=PAUSE_S)
    faulty = FaultyTransport(wire, random.Random(SEED_OF_FIRST_ONLY), to_board=plan)
    faulty.write(CHUNK)
    faulty.write(b"next")
    faulty.read(5 * PAUSE_S)
    assert wire.arrived == [CHUNK + b"next"]


def test_a_stalled_chunk_comes_late_and_in_order() -> None:
    start_s = time.monotonic()
    wire = send(Fault.STALL, [CHUNK, b"next"])
    assert b"".join(wire.arrived) == CHUNK + b"next"
    assert wire.arrived_s[0] - start_s >= 4 * PAUSE_S


def test_a_truncated_chunk_loses_its_end() -> None:
    arrived = b"".join(send(Fault.TRUNCATE, [CHUNK]).arrived)
    assert len(arrived) < len(CHUNK)
    assert CHUNK.startswith(arrived)


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
