"""Which of the things that are plugged in is the board, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plugged_things import ADAPTER, BOARD, HARDWARE, LINE, LOADER, PROBE

from host_tools.boards import BOARDS, Board, Hardware
from host_tools.devices.choose import Place, place_of
from host_tools.devices.plugged import Plugged
from host_tools.devices.tools import DfuUtil, EspTool, OpenOcd, PlatformIo, PyOcd, Tool
from host_tools.errors import EXIT_USAGE, SottoError

WITHOUT_PROBE = replace(HARDWARE, pyocd_target="", openocd_target="", dfu=None)


@pytest.fixture(autouse=True)
def all_tools_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in (PyOcd, OpenOcd, DfuUtil):
        monkeypatch.setattr(tool, "missing", lambda *_: None)


def refused(*things: Plugged, board: Board = BOARD, **options: str | bool) -> SottoError:
    with pytest.raises(SottoError) as caught:
        place_of(board, things, **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == EXIT_USAGE
    return caught.value


def found(*things: Plugged, **options: str | bool) -> Place:
    return place_of(BOARD, things, **options)  # type: ignore[arg-type]


def test_the_line_of_a_probe_is_the_port_with_its_serial_number() -> None:
    place = found(ADAPTER, PROBE, LINE)
    assert (place.tool.name, place.at, place.line) == ("pyocd", PROBE, LINE)


def test_without_such_a_port_the_only_one_that_could_be_it_is_asked() -> None:
    assert found(PROBE, ADAPTER).line == ADAPTER
    error = refused(PROBE, ADAPTER, replace(ADAPTER, name="/dev/ttyUSB1"))
    assert "/dev/ttyUSB0" in error.message
    assert "/dev/ttyUSB1" in error.message
    assert "--no-check" in refused(PROBE).remedy
    assert found(PROBE, ask=False).line is None
    line = found(PROBE, LINE, ADAPTER, port=ADAPTER.name).line
    assert line == ADAPTER


def test_a_board_in_its_boot_loader_is_written_to_without_a_probe() -> None:
    place = found(LOADER, ADAPTER)
    assert (place.tool.name, place.at) == ("dfu", LOADER)


def test_nothing_plugged_in_says_how_to_plug_in() -> None:
    error = refused()
    assert "no mine found" in error.message
    assert "nothing is plugged in" in error.message
    assert "USB socket of its probe" in error.remedy
    assert "/dev/ttyUSB0" in refused(ADAPTER).message


def test_two_candidates_are_listed() -> None:
    second = replace(PROBE, name="0670", serial="0670")
    error = refused(PROBE, LINE, second)
    assert "066DFF48" in error.message
    assert "0670" in error.message
    assert "--probe" in error.remedy
    assert found(PROBE, LINE, second, probe="066d").at == PROBE
    assert "names 2 things" in refused(PROBE, second, probe="06").message
    assert "names 0 things" in refused(PROBE, probe="999").message


def test_a_port_that_belongs_to_another_board_is_refused() -> None:
    nano = replace(ADAPTER, boards=("nano",))
    error = refused(PROBE, nano, port=nano.name)
    assert "it could be nano" in error.message
    assert "is no mine" in error.message


def test_what_may_not_be_used_says_why() -> None:
    forbidden = replace(PROBE, state="no permission", remedy="Install the rule.")
    error = refused(forbidden, LINE)
    assert ("no permission" in error.message, error.remedy) == (True, "Install the rule.")
    busy = replace(LINE, state="busy", holders=("minicom (77)",))
    assert "minicom (77) has it open" in refused(PROBE, busy).message


def test_tools_that_are_not_there_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    lack = SottoError("no pack", "Install the pack.")
    monkeypatch.setattr(PyOcd, "missing", lambda *_: lack)
    assert found(PROBE, LINE).tool.name == "openocd"
    assert "no pack" in refused(PROBE, LINE, tool="pyocd").message
    assert "Use one of: pyocd, openocd, dfu." in refused(PROBE, tool="esptool").remedy


def test_a_probe_that_is_named_may_be_wired_to_any_board() -> None:
    of_another = replace(PROBE, boards=("other",))
    assert "no mine found" in refused(of_another, LINE).message
    assert found(of_another, LINE, probe=PROBE.name).at == of_another


def test_the_rate_of_a_port_is_kept_for_asking_only() -> None:
    line = found(PROBE, ADAPTER, port=f"{ADAPTER.name}@115200").line
    assert line == replace(ADAPTER, name=f"{ADAPTER.name}@115200")
    bare = replace(BOARD, hardware=WITHOUT_PROBE)
    place = place_of(bare, [ADAPTER], port=f"{ADAPTER.name}@115200")
    assert place.at == ADAPTER
    assert place.line == line


def test_emulated_boards_are_started_not_written() -> None:
    assert "nothing to write to" in refused(board=BOARDS["stm32f405"]).message


def test_a_port_that_nobody_lists_is_tried(tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(LINE.name)
    assert found(PROBE, LINE, ADAPTER, port=str(link)).line == LINE
    line = found(PROBE, LINE, port="/dev/pts/99").line
    assert line is not None
    assert line.name == "/dev/pts/99"


@pytest.mark.parametrize(
    ("hardware", "tool"),
    [
        (replace(HARDWARE, pyocd_target="", openocd_target="", dfu=None), PlatformIo),
        (
            replace(HARDWARE, pyocd_target="", openocd_target="", dfu=None, esptool_chip="c"),
            EspTool,
        ),
    ],
)
def test_boards_without_probe_are_written_by_their_port(
    hardware: Hardware, tool: type[Tool], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(replace(BOARD, hardware=hardware), [LINE])
    assert isinstance(place.tool, tool)
    assert place.at == place.line == LINE
