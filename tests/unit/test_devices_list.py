"""What is plugged in: which boards it could be, who may use it, who holds it."""

from __future__ import annotations

import grp
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugged_things import PtyPort, plug, port_info
from serial.tools import list_ports
from typer.testing import CliRunner

from host_tools import cli
from host_tools.boards import BOARDS, ST_LINK_V2_1, ST_VENDOR, STM32_DFU, UsbId
from host_tools.devices import plugged
from host_tools.devices.access import INSTALL_RULES, group_remedy, holders, known_ids, udev_rules
from host_tools.devices.plugged import Plugged, ask_all, plugged_in
from host_tools.devices.usb import usb_devices
from host_tools.errors import SottoError
from host_tools.link.messages import BoardInfo
from host_tools.link.transport import open_transport

pytest_plugins = ("link_fixtures",)

ST_LINK = ST_LINK_V2_1[0]
BRIDGE = UsbId(0x10C4, 0xEA60)
STRANGER = UsbId(0x1234, 0x5678)
UID = "066DFF485550755187"


@pytest.fixture
def bus(tmp_path: Path) -> Path:
    folder = tmp_path / "bus"
    folder.mkdir()
    return folder


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def there_are(*found: object) -> None:
        monkeypatch.setattr(list_ports, "comports", lambda: list(found))

    there_are()
    return there_are


@pytest.fixture
def pty_port() -> Iterator[PtyPort]:
    with PtyPort() as port:
        yield port


def only(things: list[Plugged]) -> Plugged:
    (one,) = things
    return one


@pytest.mark.usefixtures("ports")
def test_nothing_is_plugged_in(tmp_path: Path) -> None:
    assert plugged_in(tmp_path, tmp_path / "no bus") == []


def test_the_bus_tells_what_a_device_says_of_itself(bus: Path) -> None:
    plug(bus, ST_LINK, serial=UID, title=("STMicroelectronics", "STM32 STLink"))
    (bus / "usb1").mkdir()  # hubs and interfaces lie beside devices
    (device,) = usb_devices(bus)
    assert (device.id, device.serial) == (ST_LINK, UID)
    assert device.title == "STMicroelectronics STM32 STLink"
    assert device.node == Path("/dev/bus/usb/001/001")


def test_an_old_probe_without_printable_serial_number_has_it_in_hex(bus: Path) -> None:
    folder = plug(bus, ST_LINK)
    (folder / "serial").write_bytes("H\x05\x7f\xc5".encode())
    (device,) = usb_devices(bus)
    assert device.serial == "48057FC5"


@pytest.mark.usefixtures("ports")
def test_a_probe_on_a_board_names_the_boards_that_have_it(bus: Path, tmp_path: Path) -> None:
    plug(bus, ST_LINK, serial=UID)
    found = only(plugged_in(tmp_path, bus))
    assert (found.kind, found.name) == ("debug probe", UID)
    expected = {b.name for b in BOARDS.values() if b.hardware and ST_LINK in b.hardware.usb}
    assert set(found.boards) == expected != set()


@pytest.mark.usefixtures("ports")
@pytest.mark.parametrize("interface", ["", "CMSIS-DAP v2"])
def test_a_probe_of_its_own_could_be_wired_to_any_board_that_takes_one(
    bus: Path, tmp_path: Path, interface: str
) -> None:
    if interface:
        plug(bus, STRANGER, interface=interface)
    else:
        plug(bus, UsbId(ST_VENDOR, 0x3757))  # an ST-Link that is on none of our boards
    found = only(plugged_in(tmp_path, bus))
    assert found.kind == "debug probe"
    assert set(found.boards) == {
        b.name for b in BOARDS.values() if b.hardware and b.hardware.by_probe
    }


@pytest.mark.usefixtures("ports")
def test_a_chip_in_its_boot_loader_is_told_and_a_mouse_is_not(
    bus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugged, "_boards_in_boot_loader", {STM32_DFU: ("a",)}.get)
    plug(bus, STRANGER)
    plug(bus, STM32_DFU, serial="315A")
    found = only(plugged_in(tmp_path, bus))
    assert (found.kind, found.name, found.boards) == ("boot loader", "315A", ("a",))


def test_ports_that_a_computer_only_declares_are_left_out(
    ports: Callable[..., None], tmp_path: Path, bus: Path
) -> None:
    declared = port_info("/dev/ttyS0")
    declared.hwid = "n/a"
    ports(declared)
    assert plugged_in(tmp_path, bus) == []


def test_behind_an_adapter_is_every_board_that_needs_one(
    ports: Callable[..., None], tmp_path: Path, bus: Path, pty_port: PtyPort
) -> None:
    ports(port_info(pty_port.name, BRIDGE))
    found = only(plugged_in(tmp_path, bus))
    wired = {b.name for b in BOARDS.values() if b.hardware and not b.hardware.serial_over_usb}
    assert wired <= set(found.boards)
    assert (found.state, found.holders) == ("free", ())
    ports(port_info(pty_port.name, STRANGER))
    assert only(plugged_in(tmp_path, bus)).boards == ()


def test_a_busy_port_names_the_program_that_holds_it(
    ports: Callable[..., None], tmp_path: Path, bus: Path, pty_port: PtyPort
) -> None:
    ports(port_info(pty_port.name))
    hold = "import sys; port = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, pty_port.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        found = only(plugged_in(tmp_path, bus))
        assert found.state == "busy"
        assert any(f"({holder.pid})" in name for name in found.holders)
        assert holder.stdin is not None
        holder.stdin.close()
    assert only(plugged_in(tmp_path, bus)).state == "free"


def test_who_holds_a_port_that_is_locked_is_said_when_it_does_not_open(
    pty_port: PtyPort, tmp_path: Path
) -> None:
    (tmp_path / "77" / "fd").mkdir(parents=True)
    (tmp_path / "77" / "fd" / "3").symlink_to(pty_port.name)
    (tmp_path / "77" / "comm").write_text("minicom\n")
    (tmp_path / "78").mkdir()  # a process that ended meanwhile
    assert holders(Path(pty_port.name), tmp_path) == ("minicom (77)",)
    first = open_transport(pty_port.name)
    with pytest.raises(SottoError, match="another program has it open"):
        open_transport(pty_port.name)
    first.close()


def test_no_permission_comes_with_the_rule_that_gives_it(
    ports: Callable[..., None],
    tmp_path: Path,
    bus: Path,
    pty_port: PtyPort,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plugged, "may_use", lambda _: False)
    ports(port_info(pty_port.name))
    plug(bus, ST_LINK, serial=UID)
    port, probe = plugged_in(tmp_path, bus)
    assert port.state == probe.state == "no permission"
    assert port.remedy == group_remedy(Path(pty_port.name))
    assert f"udev rule for {ST_LINK}: `{INSTALL_RULES}`" in probe.remedy


@pytest.mark.parametrize(
    ("group", "words"), [("dialout", "usermod -aG dialout"), ("root", "Install a udev rule")]
)
def test_the_group_that_owns_a_port_is_named_unless_it_is_roots(
    group: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group((group, "x", 1, [])))
    remedy = group_remedy(tmp_path)
    assert words in remedy
    assert INSTALL_RULES in remedy


def test_rules_cover_every_known_board() -> None:
    rules = udev_rules(known_ids())
    for board in BOARDS.values():
        for usb in board.hardware.usb if board.hardware else ():
            match = f'{{idVendor}}=="{usb.vendor:04x}", ATTR{{idProduct}}=="{usb.product:04x}"'
            assert f'SUBSYSTEM=="usb", ATTR{match}' in rules
    assert all(line.startswith(("#", "SUBSYSTEM==")) for line in rules.splitlines())


@pytest.mark.usefixtures("ports")
def test_the_verb_prints_rules_for_a_probe_that_no_board_has(
    bus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugged_in, "__defaults__", (bus,))
    assert CliRunner().invoke(cli.app, ["devices", "--udev"]).stdout == udev_rules(known_ids())
    plug(bus, STRANGER, interface="CMSIS-DAP v2")
    rules = CliRunner().invoke(cli.app, ["devices", "--udev"]).stdout
    assert rules == udev_rules(sorted({STRANGER, *known_ids()}, key=str))


def test_ports_are_asked_who_is_there(
    ports: Callable[..., None],
    tmp_path: Path,
    bus: Path,
    pty_port: PtyPort,
    board_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plugged, "_ASK_TIMEOUT_S", 0.2)
    pty_port.connect(board_url)
    with PtyPort() as silent:
        ports(port_info(pty_port.name), port_info(silent.name))
        answers = ask_all(plugged_in(tmp_path, bus))
        assert isinstance(answers[pty_port.name], BoardInfo)
        assert isinstance(answers[silent.name], SottoError)


def test_the_verb_shows_ports_answers_and_troubles(
    ports: Callable[..., None], pty_port: PtyPort, board_url: str
) -> None:
    pty_port.connect(board_url)
    ports(port_info(pty_port.name, BRIDGE))
    document = json.loads(CliRunner().invoke(cli.app, ["devices", "--ask", "--json"]).stdout)
    (found,) = [one for one in document if one["kind"] == "serial port"]
    assert found["usb"] == str(BRIDGE)
    assert found["answer"]["model_hash"]
    text = CliRunner().invoke(cli.app, ["devices", "--ask"]).stdout
    assert found["answer"]["model_hash"][:12] in text
    assert pty_port.name in text
