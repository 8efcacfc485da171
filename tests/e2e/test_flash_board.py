"""`sotto flash` from the build to the answer of the board, with a board behind a serial port.

The board is the firmware as a process of this computer behind a pseudo terminal; what would write
to a chip starts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from plugged_things import HARDWARE, PtyPort, port_info
from serial.tools import list_ports
from typer.testing import CliRunner, Result

from host_tools import cli, emulator, flash
from host_tools.boards import BOARDS, Hardware
from host_tools.devices import choose
from host_tools.devices.plugged import Kind, Plugged
from host_tools.devices.tools import Image
from host_tools.errors import SottoError
from host_tools.manifest import load_manifest
from host_tools.progress import Task

pytest_plugins = ("link_fixtures",)

HOST = BOARDS["host"]
BRIDGE = HARDWARE.usb[0]


class Writer:
    """A `Tool` that starts what it is given behind a port.

    Attributes:
        url: of another board, which then answers in place of what was written.
    """

    name = "fake"
    kind: Kind = "serial port"

    def __init__(self, port: PtyPort, stack: ExitStack) -> None:
        self.url: str | None = None
        self.written: list[str] = []
        self._port = port
        self._stack = stack

    def serves(self, hardware: Hardware) -> bool:
        return True

    def missing(self, hardware: Hardware) -> SottoError | None:
        return None

    def read_word(self, address: int, hardware: Hardware, at: Plugged, task: Task) -> int | None:
        return None

    def write(self, image: Image, at: Plugged, task: Task) -> None:
        self.written.append(at.name)
        url = self.url or self._stack.enter_context(emulator.start(HOST, image.elf)).url
        self._port.connect(url)


@pytest.fixture
def port() -> Iterator[PtyPort]:
    with PtyPort() as opened:
        yield opened


@pytest.fixture
def writer(port: PtyPort, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    """The board `host` counts as a real one that is plugged in at the port."""
    monkeypatch.setitem(BOARDS, "host", replace(HOST, kind="hardware", hardware=HARDWARE))
    monkeypatch.setattr(list_ports, "comports", lambda: [port_info(port.name, BRIDGE)])
    with ExitStack() as stack:
        fake = Writer(port, stack)
        monkeypatch.setattr(choose, "TOOLS", (fake,))
        yield fake


def sotto_flash(*arguments: str | Path) -> Result:
    options = ("--board", "host", "--generated", ROOT / "generated", *arguments)
    return CliRunner().invoke(cli.app, ["flash", *map(str, options)])


def test_the_board_is_found_written_and_says_which_model_it_runs(
    writer: Writer, port: PtyPort
) -> None:
    result = sotto_flash()
    assert result.exit_code == 0, result.output
    assert writer.written == [port.name]
    assert result.stdout.strip() == port.name
    manifest = load_manifest(ROOT / "generated")
    words = f"runs the model that was built: {manifest.name} {manifest.model_hash[:12]}"
    assert words in result.stderr


def test_a_board_that_runs_another_model_is_a_failed_check(writer: Writer, board_url: str) -> None:
    writer.url = board_url
    result = sotto_flash()
    assert result.exit_code == 1, result.output
    assert f"built was {load_manifest(ROOT / 'generated').model_hash[:12]}" in result.stderr
    assert "press its reset button" in result.stderr


def test_a_board_of_another_name_is_a_failed_check(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BOARDS, "host", replace(BOARDS["host"], name="other"))
    result = sotto_flash()
    assert result.exit_code == 1, result.output
    assert "says that it is host, written was the firmware of other" in result.stderr


def test_a_board_that_stays_silent_is_told(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "APPEAR_TIMEOUT_S", 0.0)
    monkeypatch.setattr(flash, "DEFAULT_ATTEMPTS", 1)
    monkeypatch.setattr(Writer, "write", lambda *_: None)
    result = sotto_flash()
    assert result.exit_code == 2, result.output
    assert "no answer from the board" in result.stderr


def test_without_the_check_nothing_is_asked(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer, "write", lambda *_: None)
    result = sotto_flash("--no-check")
    assert result.exit_code == 0, result.output
    assert "not asked for its model" in result.stderr


def test_no_board_is_said_before_anything_is_built(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_ports, "comports", list)
    result = sotto_flash()
    assert result.exit_code == 2, result.output
    assert "no host found" in result.stderr
    assert "Building" not in result.stderr
    assert writer.written == []
