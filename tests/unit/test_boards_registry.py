"""The list of boards, platformio.ini and the board manifests say the same."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import pytest

from host_tools.boards import BOARDS, DEFAULT_BOARD, Board
from host_tools.link.transport import BAUD_RATE

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
MANIFESTS = FIRMWARE / "platforms" / "gcc" / "boards"
IN_REPOSITORY = "symlink://firmware/platforms/gcc"


def read_ini(project: str) -> configparser.ConfigParser:
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(ROOT / project / "platformio.ini")
    return ini


INI = read_ini("")


def option(board: str, name: str) -> str:
    """An option of a board's environment, looked up along `extends` as PlatformIO does."""
    ini = read_ini(BOARDS[board].project)
    section = f"env:{BOARDS[board].environment}"
    while name not in ini[section]:
        section = ini[section].get("extends", "env")
    return ini[section][name]


@pytest.mark.parametrize("project", sorted({board.project for board in BOARDS.values()}))
def test_each_environment_is_a_board_and_each_board_an_environment(project: str) -> None:
    sections = read_ini(project).sections()
    environments = {name.removeprefix("env:") for name in sections if name.startswith("env:")}
    boards = [board for board in BOARDS.values() if board.project == project]
    assert {board.environment for board in boards} == environments


def test_every_platformio_project_of_the_firmware_is_one_of_the_boards() -> None:
    found = {str(path.parent.relative_to(ROOT)) for path in FIRMWARE.rglob("platformio.ini")}
    assert found == {board.project for board in BOARDS.values()} - {""}


def test_default_board_is_the_default_environment() -> None:
    assert BOARDS[DEFAULT_BOARD].environment == INI["platformio"]["default_envs"]


def test_names_are_keys() -> None:
    assert all(board.name == name for name, board in BOARDS.items())


def ours(board: Board) -> bool:
    """Whether the distribution's compiler builds it."""
    return option(board.name, "platform") == IN_REPOSITORY


def test_only_hardware_needs_platforms_of_others() -> None:
    assert all(ours(board) or board.kind == "hardware" for board in BOARDS.values())


def test_only_emulated_boards_have_a_machine() -> None:
    assert all(bool(board.machine) == (board.kind == "emulated") for board in BOARDS.values())


def test_hardware_and_only_hardware_says_how_it_is_found_and_flashed() -> None:
    for board in BOARDS.values():
        assert (board.hardware is not None) == (board.kind == "hardware"), board.name
        if (known := board.hardware) is not None:
            assert known.usb or known.dfu, board.name
            # Arduino cores have boot loaders of their own, which PlatformIO's platforms know.
            by_arduino = not board.project and "arduino" in option(board.name, "build_src_filter")
            by_tool = known.pyocd_target or known.openocd_target or known.esptool_chip
            assert bool(by_tool) != by_arduino, board.name
            assert bool(known.pyocd_target) <= (known.chip_id is not None), board.name


@pytest.mark.parametrize("name", [n for n, b in BOARDS.items() if ours(b) and b.kind != "host"])
def test_manifest_tells_the_core_and_the_memory_that_the_linker_holds(name: str) -> None:
    manifest = json.loads((MANIFESTS / f"{option(name, 'board')}.json").read_text())
    core = BOARDS[name].core.lower().removesuffix("f")
    if core.startswith("xtensa"):  # its compilers are of one core each
        assert f"{core.replace(' ', '-')}-elf-" == manifest["build"]["toolchain_prefix"]
    else:
        flag = "-march" if core.startswith("rv32") else "-mcpu"
        assert f"{flag}={core}" in manifest["build"]["cpu_flags"]
    script = (ROOT / option(name, "board_build.ldscript")).read_text()
    lengths = {k: int(v) * 1024 for k, v in re.findall(r"(\w+) +\(\w+\).*LENGTH = (\d+)K", script)}
    upload = manifest["upload"]
    assert lengths == {"FLASH": upload["maximum_size"], "RAM": upload["maximum_ram_size"]}


@pytest.mark.parametrize(
    "source", ["stm32/usart.c", "mps2/port.c", "mps3/port.c", "arduino/port.cpp"]
)
def test_host_opens_serial_ports_at_the_speed_of_the_firmware(source: str) -> None:
    speed = re.search(r"#define SOTTO_BAUD (\d+)u", (FIRMWARE / "ports" / source).read_text())
    assert speed is not None
    assert int(speed[1]) == BAUD_RATE


def sources_outside_ports() -> list[Path]:
    folders = (FIRMWARE / "src", FIRMWARE / "lib", FIRMWARE / "backends", ROOT / "generated")
    return sorted(p for folder in folders for p in folder.rglob("*.[chS]"))


# Instructions that C cannot say are no registers; those files are of one instruction set each.
INSTRUCTION_SET_FILE = re.compile(r"_armv\w+\.[chS]$")
# A register is reached through a volatile object or by assembly, at an address that somebody wrote.
REGISTER_ACCESS = re.compile(r"\bvolatile\b|\basm\b|__asm__|\*\s*\)\s*\(?\s*0x", re.IGNORECASE)
ASSEMBLY = re.compile(r"__asm__ volatile|__asm__")
VENDOR_WORD = re.compile(r"stm32|mps2|netduino|cmsdk|nrf5\d|esp32|rp2040|usart", re.IGNORECASE)


def test_there_are_sources_outside_ports() -> None:
    assert {"main.c", "port.h"} <= {path.name for path in sources_outside_ports()}


@pytest.mark.parametrize("path", sources_outside_ports(), ids=lambda p: p.name)
def test_registers_and_board_names_stay_in_ports(path: Path) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    if INSTRUCTION_SET_FILE.search(path.name):
        code = ASSEMBLY.sub("", code)
    assert not REGISTER_ACCESS.findall(code)
    assert not VENDOR_WORD.findall(code)


@pytest.mark.parametrize(
    "code",
    ["*(volatile uint32_t *)UART = 1;", "*(uint32_t *)0x40011000u = 1;", '__asm__("wfi");'],
)
def test_the_law_knows_a_register_when_it_sees_one(code: str) -> None:
    assert REGISTER_ACCESS.search(code)


STM32 = "stm32 stm32f4 stm32l4 stm32h7 stm32_boards"
OTHERS = "mps2 mps3 cmsdk cortex_m riscv_virt xtensa_lx60 ns16550 freestanding common"


@pytest.mark.parametrize("port", f"{STM32} {OTHERS}".split())
def test_ports_include_nothing_of_sotto_but_the_port(port: str) -> None:
    sources = sorted((FIRMWARE / "ports" / port).glob("*.[ch]"))
    assert sources
    for path in sources:
        for name in re.findall(r'#include [<"]([^>"]+)[>"]', path.read_text()):
            of_ports = (path.parent / name).is_file()
            allowed = name in {"port.h", "sotto/pdm.h"} or name.startswith("std")
            assert of_ports or allowed, f"{path}: {name}"
