"""The boards that sotto builds for: their names, how they run, which environment builds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["emulated", "host", "hardware"]


@dataclass(frozen=True)
class Board:
    """One row of the support table.

    Attributes:
        name: what the user types and what the firmware reports.
        environment: section `[env:...]` of platformio.ini.
        kind: "emulated" (QEMU), "host" (a process of this computer) or "hardware".
        core: the processor core, as people call it.
        compile_target: the same, as `sotto compile --target` takes it.
        machine: QEMU's name of the machine; empty unless emulated.
        emulator: the program that emulates it.
        title: one line for lists.
    """

    name: str
    environment: str
    kind: Kind
    core: str
    compile_target: str
    title: str
    machine: str = ""
    emulator: str = "qemu-system-arm"


def _by_name(*boards: Board) -> dict[str, Board]:
    return {board.name: board for board in boards}


def _emulated(name: str, machine: str, core: str, compile_target: str, title: str) -> Board:
    return Board(name, name, "emulated", core, compile_target, title, machine)


BOARDS: dict[str, Board] = _by_name(
    _emulated(
        "stm32f405",
        "netduinoplus2",
        "Cortex-M4F",
        "cortex-m4f",
        "STM32F405 (Netduino Plus 2) in QEMU",
    ),
    _emulated("mps2_m3", "mps2-an385", "Cortex-M3", "cortex-m3", "Arm MPS2 AN385 in QEMU"),
    _emulated("mps2_m4", "mps2-an386", "Cortex-M4F", "cortex-m4f", "Arm MPS2 AN386 in QEMU"),
    _emulated("mps2_m7", "mps2-an500", "Cortex-M7F", "cortex-m7", "Arm MPS2 AN500 in QEMU"),
    _emulated("mps3_m55", "mps3-an547", "Cortex-M55", "cortex-m55", "Arm MPS3 AN547 in QEMU"),
    Board(
        "riscv_virt",
        "riscv_virt",
        "emulated",
        "RV32IMC",
        "rv32imc",
        "RISC-V virt machine in QEMU",
        "virt,firmware=none",
        "qemu-system-riscv32",
    ),
    Board("host", "host", "host", "this computer", "host", "The same firmware as a process"),
    Board(
        "host_sanitized",
        "host_sanitized",
        "host",
        "this computer",
        "host",
        "As host, under address and undefined-behaviour sanitizers",
    ),
    Board(
        "disco_f407",
        "disco_f407",
        "hardware",
        "Cortex-M4F",
        "cortex-m4f",
        "STM32F4DISCOVERY (STM32F407)",
    ),
)
"""All boards by name."""

DEFAULT_BOARD = "stm32f405"
