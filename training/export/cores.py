"""The cores that `sotto compile --target` takes, and whose kernels each of them runs."""

from __future__ import annotations

from dataclasses import dataclass

from training.errors import UserError
from training.export.targets import DSP, MVE, PORTABLE, Target


@dataclass(frozen=True)
class Core:
    """A processor core.

    Attributes:
        name: as users type it.
        title: as people call it, with some of the chips that have it.
        target: the kernels that `sotto/target.h` chooses for its compiler.
    """

    name: str
    title: str
    target: Target


CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core("cortex-m0plus", "Cortex-M0+ (RP2040, SAMD21)", PORTABLE),
        Core("cortex-m3", "Cortex-M3 (STM32F1, STM32L1, LPC17)", PORTABLE),
        Core("cortex-m4f", "Cortex-M4F (STM32F4, nRF52)", DSP),
        Core("cortex-m7", "Cortex-M7 (STM32F7, STM32H7, i.MX RT)", DSP),
        Core("cortex-m33", "Cortex-M33 with DSP (nRF53, STM32U5, RP2350)", DSP),
        Core("cortex-m55", "Cortex-M55 with Helium (Alif Ensemble, STM32N6)", MVE),
        Core("rv32imc", "32-bit RISC-V (ESP32-C3, CH32V)", PORTABLE),
        Core("xtensa", "Xtensa (ESP8266, ESP32, ESP32-S3)", PORTABLE),
        Core("host", "this computer", PORTABLE),
    )
}
"""All cores by name."""


def find_core(name: str) -> Core:
    """The core of that name.

    Raises:
        UserError: there is none; lists all.
    """
    if name not in CORES:
        raise UserError(f"there is no target '{name}'", f"Choose one of {', '.join(CORES)}.")
    return CORES[name]
