"""The programs that write to chips: what they are told, and what becomes of their failures.

Programs of the same names, which only note how they were called, stand in for the real ones.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from plugged_things import BOARD, HARDWARE, LINE, LOADER, PROBE

from host_tools.boards import BOARDS
from host_tools.devices.choose import Place
from host_tools.devices.plugged import Plugged
from host_tools.devices.tools import (
    DfuUtil,
    EspTool,
    Image,
    OpenOcd,
    PlatformIo,
    PyOcd,
    Tool,
    ToolFailedError,
)
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_USAGE, Interrupted, SottoError
from host_tools.flash import write
from host_tools.progress import NoBar, Silent

FAKE = """\
import json, os, pathlib, signal, sys
folder = pathlib.Path(os.environ["FAKE_TOOLS"])
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([{name!r}, *sys.argv[1:]]) + "\\n")
plan = json.loads((folder / "plan.json").read_text())
for words, answer in plan.items():
    if words in " ".join(sys.argv[1:]):
        print(answer["says"], flush=True)
        if answer.get("waits"):
            signal.signal(signal.SIGINT, lambda *_: sys.exit((folder / "let_go").touch()))
            (folder / "waiting").touch()
            signal.pause()
        sys.exit(answer.get("code", 0))
"""
PYOCD_DUMP = "e0042000:  10016413    |...d|"
OPENOCD_DUMP = "0xe0042000: 10016413 "

Plan = Callable[..., None]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """`plan(words={...})`: what a fake program does when its arguments hold the words."""
    for name in ("openocd", "dfu-util", "arm-none-eabi-objcopy"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/usr/bin/env python3\n{FAKE.format(name=name)}")
        program.chmod(0o755)
    for name in ("pyocd", "esptool"):
        (tmp_path / "modules" / name).mkdir(parents=True)
        (tmp_path / "modules" / name / "__init__.py").touch()
        (tmp_path / "modules" / name / "__main__.py").write_text(FAKE.format(name=name))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    monkeypatch.setenv("FAKE_TOOLS", str(tmp_path))

    def planned(answers: dict[str, dict[str, object]] | None = None) -> None:
        dumps = {"read32": {"says": PYOCD_DUMP}, "mdw": {"says": OPENOCD_DUMP}}
        (tmp_path / "plan.json").write_text(json.dumps({**dumps, **(answers or {})}))

    planned()
    return planned


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(BOARD, tmp_path / "image.elf", tmp_path / "generated", tmp_path)


def calls(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def write_by(tool: Tool, at: Plugged, image: Image) -> None:
    write(image, Place(tool, at, None), Silent())


@pytest.mark.usefixtures("plan")
def test_pyocd_looks_at_the_chip_and_writes_the_elf(image: Image, tmp_path: Path) -> None:
    write_by(PyOcd(), PROBE, image)
    looked, wrote = calls(tmp_path)
    assert looked[:2] == ["pyocd", "commander"]
    assert looked[-2:] == ["-c", f"read32 {0xE0042000}"]
    assert wrote == [
        *("pyocd", "flash", "--no-wait", "--uid", PROBE.serial, "--target", "chip"),
        *("--format", "elf", str(image.elf)),
    ]


@pytest.mark.usefixtures("plan")
def test_openocd_writes_and_verifies_the_elf(image: Image, tmp_path: Path) -> None:
    write_by(OpenOcd(), PROBE, image)
    *_, wrote = calls(tmp_path)
    assert wrote == [
        *("openocd", "-f", "interface/stlink.cfg", "-c", f"adapter serial {PROBE.serial}"),
        *("-f", "target/chips.cfg", "-c", f"program {{{image.elf}}} verify reset exit"),
    ]
    write_by(OpenOcd(), replace(PROBE, usb=None, serial=""), image)
    assert calls(tmp_path)[-1][:3] == ["openocd", "-f", "interface/cmsis-dap.cfg"]


@pytest.mark.usefixtures("plan")
def test_dfu_writes_the_binary_to_the_first_byte_of_flash(image: Image, tmp_path: Path) -> None:
    write_by(DfuUtil(), LOADER, image)
    converted, wrote = calls(tmp_path)
    binary = str(image.elf.with_suffix(".bin"))
    assert converted == ["arm-none-eabi-objcopy", "-O", "binary", str(image.elf), binary]
    assert wrote == [
        *("dfu-util", "--device", "0483:df11", "--serial", "315A", "--alt", "0"),
        *("--dfuse-address", "0x08000000:leave", "--download", binary),
    ]


def test_a_chip_that_left_its_boot_loader_as_told_is_no_failure(plan: Plan, image: Image) -> None:
    plan({"--download": {"says": "File downloaded successfully\nError get_status", "code": 74}})
    write_by(DfuUtil(), LOADER, image)
    plan({"--download": {"says": "Error get_status", "code": 74}})
    with pytest.raises(SottoError, match="dfu-util ended with code 74"):
        write_by(DfuUtil(), LOADER, image)


@pytest.mark.usefixtures("plan")
def test_esptool_writes_three_images(image: Image, tmp_path: Path) -> None:
    chip = replace(HARDWARE, esptool_chip="chip", flash_base=0x10000, boot_loader_at=0x1000)
    board = replace(BOARD, hardware=replace(chip, chip_id=None))
    write_by(EspTool(), LINE, replace(image, board=board))
    (wrote,) = calls(tmp_path)
    assert wrote[:5] == ["esptool", "--chip", "chip", "--port", LINE.name]
    folder = image.elf.parent
    assert wrote[wrote.index("write-flash") + 1 :] == [
        *("0x1000", str(folder / "bootloader.bin"), "0x8000", str(folder / "partitions.bin")),
        *("0x10000", str(folder / "firmware.bin")),
    ]


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        (PyOcd(), "e0042000:  10006433    |...3|"),
        (OpenOcd(), "0xe0042000: 10006433 "),
    ],
)
def test_another_chip_is_refused_before_anything_is_written(
    tool: Tool, says: str, plan: Plan, image: Image, tmp_path: Path
) -> None:
    plan({"read32": {"says": says}, "mdw": {"says": says}})
    with pytest.raises(SottoError, match=r"says 0x433.*mine has 0x413; nothing was") as caught:
        write_by(tool, PROBE, image)
    assert caught.value.exit_code == EXIT_USAGE
    assert len(calls(tmp_path)) == 1


def test_the_board_that_has_such_a_chip_is_named(plan: Plan, image: Image) -> None:
    known = BOARDS["disco_f407"].hardware
    assert known is not None
    assert known.chip_id is not None
    plan({"read32": {"says": f"e0042000:  1000{known.chip_id.device | 0x6000:04x}    |"}})
    mine = replace(HARDWARE, chip_id=replace(known.chip_id, device=0x999))
    with pytest.raises(SottoError) as caught:
        write_by(PyOcd(), PROBE, replace(image, board=replace(BOARD, hardware=mine)))
    assert "disco_f407" in caught.value.remedy


def test_a_chip_that_does_not_answer_was_not_written_to(plan: Plan, image: Image) -> None:
    plan({"read32": {"says": "No ACK received"}})
    with pytest.raises(SottoError, match="No ACK received") as caught:
        write_by(PyOcd(), PROBE, image)
    assert "Nothing was written" in caught.value.remedy


def test_a_tool_that_fails_midway_says_the_state_of_the_board(plan: Plan, image: Image) -> None:
    plan({"flash": {"says": "Erasing 10 %\nflash write failure at 0x08004000", "code": 1}})
    with pytest.raises(SottoError, match=r"pyocd ended with code 1:[^$]*at 0x08004000") as caught:
        write_by(PyOcd(), PROBE, image)
    assert "may hold half a firmware" in caught.value.remedy
    assert caught.value.exit_code == EXIT_CHECK_FAILED


def test_an_interrupted_tool_ends_in_order(plan: Plan, image: Image, tmp_path: Path) -> None:
    plan({"flash": {"says": "Writing 50 %", "waits": True}})
    waiting = tmp_path / "waiting"

    def interrupt() -> None:
        while not waiting.exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted, match="may hold half a firmware"):
        write_by(PyOcd(), PROBE, image)
    thread.join()
    assert (tmp_path / "let_go").exists()


def test_platformio_uploads_to_the_port(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    run = "host_tools.devices.tools.run_platformio"
    monkeypatch.setattr(run, lambda *arguments: seen.extend(arguments))
    bare = replace(BOARD, hardware=replace(HARDWARE, chip_id=None))
    write_by(PlatformIo(), LINE, replace(image, board=bare))
    assert seen[3] == ("--target", "upload", "--upload-port", LINE.name)

    def fails(*_: object) -> None:
        raise SottoError("no device", "Press reset.", EXIT_CHECK_FAILED)

    monkeypatch.setattr(run, fails)
    with pytest.raises(SottoError, match="no device") as caught:
        write_by(PlatformIo(), LINE, replace(image, board=bare))
    assert "run the same command again" in caught.value.remedy


def test_the_real_pyocd_knows_which_chips_it_can_write() -> None:
    assert PyOcd().missing(replace(HARDWARE, pyocd_target="stm32h743xx")) is None
    lack = PyOcd().missing(replace(HARDWARE, pyocd_target="nonsense"))
    assert lack is not None
    assert "pyocd pack install nonsense" in lack.remedy


def test_a_tool_that_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for tool, program in ((OpenOcd(), "openocd"), (DfuUtil(), "dfu-util")):
        lack = tool.missing(HARDWARE)
        assert lack is not None
        assert f"apt-get install -y {program}" in lack.remedy


def test_words_that_are_no_dump_are_not_taken_for_a_chip(plan: Plan, image: Image) -> None:
    plan({"read32": {"says": "e0042000: ????????"}})
    with pytest.raises(ToolFailedError):
        PyOcd().read_word(0xE0042000, HARDWARE, PROBE, NoBar())
