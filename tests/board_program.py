"""Links a program with the port of an emulated board, by one call of its compiler."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from conftest import LIB, ROOT

from host_tools.boards import Board

FIRMWARE = ROOT / "firmware"
MANIFESTS = FIRMWARE / "platforms" / "gcc" / "boards"

STM32F405 = ("stm32f4", "cortex_m", "stm32", "stm32_boards/netduino_plus2.c")
MPS2 = ("mps2", "cortex_m")

PORTS = {
    "stm32f405": ("netduinoplus2", "stm32f405.ld", STM32F405),
    "mps2_m3": ("mps2_an385", "mps2.ld", MPS2),
    "mps2_m4": ("mps2_an386", "mps2.ld", MPS2),
    "mps2_m7": ("mps2_an500", "mps2.ld", MPS2),
    "mps3_m55": ("mps3_an547", "mps3.ld", ("mps3", "cortex_m")),
    "riscv_virt": ("virt_rv32imc", "riscv_virt.ld", ("riscv_virt",)),
    "xtensa_lx60": ("lx60_lx106", "xtensa_lx60.ld", ("xtensa_lx60", "freestanding")),
}
"""Board -> its manifest, linker script and ports."""


def link_for_board(
    board: Board,
    sources: Sequence[Path],
    elf: Path,
    flags: Sequence[str] = (),
    *,
    watchdog_ms: int = 4_000,
) -> Path:
    """Compile and link `sources` with the board's port; warnings are errors."""
    manifest_name, script, ports = PORTS[board.name]
    manifest = json.loads((MANIFESTS / f"{manifest_name}.json").read_text())["build"]
    places = [FIRMWARE / "ports" / port for port in ports]
    files = [*sources, *(path for place in places for path in place.glob("*.c"))]
    files += [place for place in places if place.is_file()]
    files += (LIB / "src" / "microphone").glob("*.c")  # what a port's microphone calls
    command = [
        manifest["toolchain_prefix"] + "gcc",
        *manifest["cpu_flags"],
        *manifest.get("extra_flags", "").split(),
        *("-nostartfiles", manifest.get("c_library", "--specs=nano.specs")),
        *("-std=c11", "-O2", "-g", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"),
        *("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"),
        f'-DSOTTO_BOARD_NAME="{board.name}"',
        f"-DSOTTO_WATCHDOG_MS={watchdog_ms}u",
        *("-I", str(LIB / "include"), "-I", str(FIRMWARE / "src")),
        *("-T", str(places[0] / script)),
        *flags,
        *map(str, files),
        *("-o", str(elf)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return elf
