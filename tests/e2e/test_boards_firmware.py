"""The real firmware builds for every board without a network, and answers on all that run here."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT

from host_tools import emulator
from host_tools.boards import BOARDS, Board
from host_tools.build import build, build_folder
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.link.device import Device
from host_tools.link.messages import SelfTestStage
from host_tools.link.twin_messages import Guard, Health, ResetCause
from host_tools.manifest import load_manifest

GENERATED = ROOT / "generated"
PLATFORM_BOARDS = ROOT / "firmware" / "platforms" / "gcc" / "boards"
RUNNABLE = [name for name, board in BOARDS.items() if board.kind != "hardware"]
EMULATED = [name for name, board in BOARDS.items() if board.kind == "emulated"]
COMPILED = [
    name
    for name, board in BOARDS.items()
    if board.kind == "hardware" and (PLATFORM_BOARDS / f"{name}.json").is_file()
]
# Hardware of which QEMU's STM32F405 has all but the clocks -> place of its USART there.
ON_ANOTHER_CHIP = {"disco_f407": 0, "nucleo_f446re": 1, "nucleo_f401re": 1, "feather_f405": 2}
WITH_MICROPHONE = {"disco_f407", "disco_l475"}
RAM_BASE = 0x2000_0000
NO_NETWORK = "http://127.0.0.1:9"  # the discard port: every attempt fails at once

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a clone has it, nothing built; with blanks in its path."""
    root = tmp_path_factory.mktemp("clone") / "in a folder"
    for folder in ("firmware", "generated", "host_tools"):
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "platformio.ini", root)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNNABLE)
def test_board_builds_answers_and_passes_its_self_test(name: str) -> None:
    board = BOARDS[name]
    result = build(board, GENERATED, ROOT)
    with (
        emulator.start(board, result.elf, icount=True) as running,
        Device.open(running.url) as device,
    ):
        info = device.info()
        assert info.board == ("host" if board.kind == "host" else name)
        assert info.model_hash == load_manifest(GENERATED).model_hash
        assert device.self_test().stage == SelfTestStage.PASSED
        with pytest.raises(SottoError, match="has no microphone"):
            device.capture().begin()
        assert_healthy(device.health(), board, ResetCause.POWER_ON, restarts=0)
        device.reset()
        assert_healthy(device.health(), board, ResetCause.SOFTWARE, restarts=1)


def assert_healthy(health: Health, board: Board, cause: ResetCause, restarts: int) -> None:
    """It has begun for that reason; memory and constants are as they should be."""
    assert health.reset_cause is cause
    assert health.guards == Guard(0)
    assert health.self_test.passed
    target = load_manifest(GENERATED).targets[health.kernels]
    assert health.constants_crc32 == target.constants_crc32
    if board.kind == "emulated":  # a process does not count, and its stack is not painted
        assert health.restarts == restarts
        assert health.stack_bytes >= 2_048


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_firmware_of_a_real_board_builds_and_begins_as_its_chip_wants_it(name: str) -> None:
    """Vector table first in flash, the stack at the lowest RAM, the reset handler in Thumb code."""
    hardware = BOARDS[name].hardware
    assert hardware is not None
    elf = build(BOARDS[name], GENERATED, ROOT).elf
    image = elf.with_suffix(".bin")
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, image], check=True)
    stack_top, reset = struct.unpack_from("<II", image.read_bytes())
    listing = subprocess.run(
        ["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True
    ).stdout
    symbols = {line.split()[-1]: int(line.split()[0], 16) for line in listing.splitlines()}
    assert symbols["cortex_m_vectors"] == hardware.flash_base
    assert symbols["cortex_m_stack_limit"] == RAM_BASE
    assert stack_top == symbols["cortex_m_stack_top"]
    assert reset == symbols["cortex_m_reset"] | 1
    assert ("sotto_capture_part" in symbols) == (name in WITH_MICROPHONE)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "serial_line"), ON_ANOTHER_CHIP.items())
def test_firmware_of_a_relative_runs_on_the_emulated_stm32f405(name: str, serial_line: int) -> None:
    """Core, USART and interrupt are the same; the clock tree, which QEMU lacks, is not shown."""
    board = BOARDS[name]
    relative = replace(
        board,
        kind="emulated",
        machine=BOARDS["stm32f405"].machine,
        emulator_options=("-serial", "null") * serial_line,
    )
    with (
        emulator.start(relative, build(board, GENERATED, ROOT).elf, icount=True) as running,
        Device.open(running.url) as device,
    ):
        assert device.info().board == name
        assert device.self_test().stage == SelfTestStage.PASSED


@pytest.mark.slow
def test_sanitizers_are_in_the_sanitized_firmware() -> None:
    symbols = build(BOARDS["host_sanitized"], GENERATED, ROOT).elf.read_bytes()
    assert b"__asan_init" in symbols
    assert b"__ubsan_handle" in symbols


@pytest.mark.slow
@pytest.mark.parametrize("name", EMULATED)
def test_sizes_are_those_of_the_elf(name: str) -> None:
    result = build(BOARDS[name], GENERATED, ROOT)
    listing = subprocess.run(
        ["arm-none-eabi-size", "-A", result.elf], capture_output=True, text=True, check=True
    ).stdout
    sections = {line.split()[0]: int(line.split()[1]) for line in listing.splitlines()[2:] if line}
    stored = sum(sections.get(name, 0) for name in (".text", ".ARM.exidx", ".data"))
    assert result.sizes.flash_bytes == stored
    variables = (".data", ".bss", ".noinit")
    assert result.sizes.ram_bytes == sum(sections[name] for name in variables)
    assert result.sizes.stack_reserved_bytes == sections[".stack"]
    weights = next(part for part in result.sizes.parts if part.name == "weights")
    targets = json.loads((GENERATED / "manifest.json").read_text())["targets"].values()
    assert weights.flash_bytes >= min(target["weights_bytes"] for target in targets)


@pytest.mark.slow
def test_plain_pio_run_after_a_clone_needs_no_network(copy: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORMIO_", "SOTTO_"))}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NO_NETWORK)
    done = subprocess.run(
        [sys.executable, "-m", "platformio", "run"],
        cwd=copy,
        env=kept | proxies | {"HOME": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (copy / ".pio" / "build" / "stm32f405" / "firmware.elf").is_file()
    assert not (copy / ".platformio").exists()


@pytest.mark.slow
def test_a_build_of_cached_objects_is_measured_like_any_other(copy: Path) -> None:
    """The map, which sizes are read from, comes with the link and not from the cache."""
    board, generated = BOARDS["stm32f405"], copy / "generated"
    first = build(board, generated, copy)
    shutil.rmtree(copy / ".pio" / "build")
    assert build(board, generated, copy) == first


@pytest.mark.slow
def test_compiler_errors_are_shown_in_its_own_words(copy: Path) -> None:
    broken = copy / "broken"
    shutil.copytree(GENERATED, broken)
    (broken / "sotto_labels.c").write_text("int8_t nothing(void) { return 1 }\n")
    with pytest.raises(SottoError, match=r"sotto_labels\.c:1.*error:") as caught:
        build(BOARDS["host"], broken, copy)
    assert caught.value.exit_code == EXIT_CHECK_FAILED
    assert "pio run -e host" in caught.value.remedy


@pytest.mark.slow
def test_too_large_for_the_chip_is_a_linker_error(copy: Path) -> None:
    huge = copy / "huge"
    shutil.copytree(GENERATED, huge)
    (huge / "sotto_labels.c").write_text(
        (GENERATED / "sotto_labels.c").read_text()
        + "\nstatic unsigned char too_much[130 * 1024];\n"
        + '__attribute__((used, section(".vectors")))'
        + "static unsigned char *const kept = too_much;\n"
    )
    with pytest.raises(SottoError, match=r"RAM.*overflowed"):
        build(BOARDS["stm32f405"], huge, copy)


def test_no_model_is_said_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(SottoError, match="no generated model") as caught:
        build(BOARDS["stm32f405"], tmp_path, ROOT)
    assert "sotto export" in caught.value.remedy


def test_models_do_not_share_a_build_folder(tmp_path: Path) -> None:
    folders = {build_folder(path, ROOT) for path in (GENERATED, tmp_path, tmp_path / "other")}
    assert len(folders) == 3
    assert build_folder(GENERATED, ROOT) == ROOT / ".pio" / "build"
