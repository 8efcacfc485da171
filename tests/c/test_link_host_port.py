"""The firmware as a process: its arguments and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

pytest_plugins = ["link_fixtures"]

END_S = 30


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--port N [--exit-with-stdin]"),
        (["--port"], "--port needs a number from 0 to 65535, got nothing"),
        (["--port", "65536"], "got 65536"),
        (["--port", "-1"], "got -1"),
        (["--port", "80x"], "got 80x"),
        (["--prot", "80"], "unknown argument --prot"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], complaint: str, fake_firmware: Path
) -> None:
    done = subprocess.run(
        [fake_firmware, *arguments], capture_output=True, text=True, timeout=END_S, check=False
    )
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_port_that_is_taken_is_an_error(fake_firmware: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [fake_firmware, "--port", port],
            capture_output=True,
            text=True,
            timeout=END_S,
            check=False,
        )
    assert done.returncode == 2
    assert "Address already in use" in done.stderr


def test_it_ends_on_sigterm_with_a_client_on_the_line(fake_firmware: Path) -> None:
    with subprocess.Popen([fake_firmware, "--port", "0"], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        address, port = process.stderr.readline().split()[1].split(b":")
        with socket.create_connection((address.decode(), int(port))):
            process.terminate()
            assert process.wait(END_S) == -signal.SIGTERM


def test_it_ends_with_its_standard_input_with_a_client_on_the_line(fake_firmware: Path) -> None:
    command = [fake_firmware, "--port", "0", "--exit-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stdin is not None
        address, port = process.stderr.readline().split()[1].split(b":")
        with socket.create_connection((address.decode(), int(port))):
            process.stdin.close()
            assert process.wait(END_S) == 0
