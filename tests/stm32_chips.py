"""What an STM32 does with its clock registers, and what it bears, by ST's reference manuals.

`rules()` of a chip go to the model in tests/c/stm32_chip.c; `clocks()` and `check()` judge what
firmware has written to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

Registers = Mapping[int, int]
"""Address -> value; what is missing is 0."""

MHZ = 1_000_000
TIM2 = 0x40000000


@dataclass(frozen=True)
class Clocks:
    """Speeds in hertz; `flash_hz` is that of the bus on which the flash lies."""

    core_hz: float
    flash_hz: float
    apb1_hz: float
    apb2_hz: float


@dataclass(frozen=True)
class ResetFlags:
    """A register that says why a chip started, and its bits; None for what it does not tell."""

    address: int
    clear: int
    watchdogs: tuple[int, int]
    power_on: int
    brown_out: int | None
    software: int
    pin: int


@dataclass(frozen=True)
class Chip(ABC):
    """A chip on a board.

    Attributes:
        hse_hz: of the crystal or clock at OSC_IN; 0: none.
        max_hz: greatest clock of the core.
    """

    hse_hz: int
    max_hz: int

    RESET: ClassVar[Mapping[int, int]]
    PARTS: ClassVar[Mapping[str, tuple[str, ...]]]
    """Rules of each part of the model; without them the part is dead."""
    FLASH_ACR: ClassVar[int]
    FLASH_FIELD: ClassVar[int]
    SLOW_HZ: ClassVar[int]
    """Clock of a board whose PLL does not start."""
    PLL_ON: ClassVar[tuple[int, int]]
    """Register and bit."""
    IWDG: ClassVar[int]
    FLAGS: ClassVar[ResetFlags]
    PLL_SETTINGS: ClassVar[Mapping[int, int]]
    """Registers and their bits that may change only while the PLL is off."""

    def rules(self, dead: str = "", left: Registers | None = None) -> list[str]:
        """Lines for the model; `left` is what a boot loader has changed."""
        reset = {**self.RESET, **(left or {})}
        lines = [f"reset {address:X} {value:X}" for address, value in reset.items()]
        lines.append(f"ignores {self.IWDG:X} FFFFFFFF")  # a key acts, and reads 0
        for part, rules in self.PARTS.items():
            lines += rules if part != dead else ()
        if dead == "flash":
            lines.append(f"ignores {self.FLASH_ACR:X} {self.FLASH_FIELD:X}")
        return lines

    @abstractmethod
    def clocks(self, registers: Registers, dead: str) -> Clocks:
        """Speeds that these registers set; the PLL's numbers must be in their ranges."""

    @abstractmethod
    def check(self, registers: Registers, clocks: Clocks) -> None:
        """Nothing may be faster than regulator, flash and buses bear it."""


def field(registers: Registers, address: int, shift: int, width: int) -> int:
    return registers.get(address, 0) >> shift & ((1 << width) - 1)


def apb_divider(code: int) -> int:
    """Of a field of three bits: 0xx divides by 1, 100 by 2, ... 111 by 16."""
    return 1 if code < 4 else 2 << (code & 3)


def ahb_divider(code: int) -> int:
    """Of a field of four bits: 0xxx divides by 1, 1000 by 2, 1001 by 4, ..."""
    return 1 if code < 8 else (2, 4, 8, 16, 64, 128, 256, 512)[code & 7]


@dataclass(frozen=True)
class F4(Chip):
    """RM0090, RM0368; RM0390 where the chip has an over-drive.

    Attributes:
        apb1_max_hz: greatest clock of the slow bus; the fast one bears twice of it.
        without_over_drive_hz: greatest clock of the core before the over-drive is on.
    """

    apb1_max_hz: int = 42 * MHZ
    without_over_drive_hz: int = 168 * MHZ

    CR, PLLCFGR, CFGR, AHB1ENR, APB1ENR, APB2ENR = (
        0x40023800 + offset for offset in (0x00, 0x04, 0x08, 0x30, 0x40, 0x44)
    )
    PWR_CR, PWR_CSR = 0x40007000, 0x40007004
    FLASH_ACR, FLASH_FIELD = 0x40023C00, 7
    SLOW_HZ = 16 * MHZ
    IWDG = 0x40003000
    FLAGS = ResetFlags(0x40023874, 24, (29, 30), 27, 25, 28, 26)
    PLL_ON = (0x40023800, 24)
    PLL_SETTINGS: ClassVar = {0x40023804: 0x7FFFFFFF}
    RESET: ClassVar = {
        0x40023800: 0x83,
        0x40023804: 0x24003010,
        0x40023830: 0x00100000,
        0x40020000: 0xA8000000,  # GPIOA_MODER: the debug pins
        0x4002000C: 0x64000000,  # GPIOA_PUPDR
        0x40020400: 0x00000280,
        0x4002040C: 0x00000100,
        0x40007000: 0x0000C000,
    }
    PARTS: ClassVar = {
        "crystal": ("follows 40023800 10 1 40023800 11",),
        "pll": ("follows 40023800 18 1 40023800 19",),
        "switch": ("follows 40023808 0 3 40023808 2",),
        "over-drive": ("follows 40007000 10 1 40007004 10",),
        "over-drive switch": ("follows 40007000 11 1 40007004 11",),
        "gates": ("needs 40007000 400070FF 40023840 10000000",),
    }

    def clocks(self, registers: Registers, dead: str) -> Clocks:
        core_hz = float(self.SLOW_HZ)
        if field(registers, self.CFGR, 0, 2) == 2 and dead != "switch":
            core_hz = self._pll_hz(registers)
        apb1, apb2 = (apb_divider(field(registers, self.CFGR, shift, 3)) for shift in (10, 13))
        return Clocks(core_hz, core_hz, core_hz / apb1, core_hz / apb2)

    def _pll_hz(self, registers: Registers) -> float:
        outside = field(registers, self.PLLCFGR, 22, 1)
        input_hz = (self.hse_hz if outside else self.SLOW_HZ) / field(registers, self.PLLCFGR, 0, 6)
        oscillator_hz = input_hz * field(registers, self.PLLCFGR, 6, 9)
        assert 950_000 <= input_hz <= 2_100_000
        assert 192 * MHZ <= oscillator_hz <= 432 * MHZ
        assert oscillator_hz / field(registers, self.PLLCFGR, 24, 4) <= 48 * MHZ
        assert field(registers, self.PLLCFGR, 28, 4) == 2, "R, or reserved: as after reset"
        return oscillator_hz / (2, 4, 6, 8)[field(registers, self.PLLCFGR, 16, 2)]

    def check(self, registers: Registers, clocks: Clocks) -> None:
        over_drive = field(registers, self.PWR_CR, 16, 2) == 3
        assert clocks.core_hz <= (self.max_hz if over_drive else self.without_over_drive_hz)
        assert clocks.flash_hz <= 30 * MHZ * (1 + field(registers, self.FLASH_ACR, 0, 3))
        assert clocks.apb1_hz <= self.apb1_max_hz
        assert clocks.apb2_hz <= 2 * self.apb1_max_hz


@dataclass(frozen=True)
class L4(Chip):
    """RM0351; RM0432 where the chip has a boost mode.

    Attributes:
        flash_step_hz: by which each wait state raises the greatest clock.
        without_boost_hz: greatest clock of the core before the boost mode is on.
    """

    flash_step_hz: int = 16 * MHZ
    without_boost_hz: int = 80 * MHZ

    CR, CFGR, PLLCFGR, AHB2ENR, APB1ENR1, APB1ENR2, APB2ENR = (
        0x40021000 + offset for offset in (0x00, 0x08, 0x0C, 0x4C, 0x58, 0x5C, 0x60)
    )
    PWR_CR1, PWR_CR2, PWR_CR5 = 0x40007000, 0x40007004, 0x40007080
    FLASH_ACR, FLASH_FIELD = 0x40022000, 7
    SLOW_HZ = 16 * MHZ
    IWDG = 0x40003000
    FLAGS = ResetFlags(0x40021094, 23, (29, 30), 27, None, 28, 26)
    PLL_ON = (0x40021000, 24)
    PLL_SETTINGS: ClassVar = {0x4002100C: 0x06007FF3}
    RESET: ClassVar = {
        0x40021000: 0x00000063,
        0x4002100C: 0x00001000,
        0x40007000: 0x00000200,
        0x40007080: 0x00000100,
        0x40022000: 0x00000600,
        0x48000000: 0xABFFFFFF,  # GPIOA_MODER: the debug pins
        0x48000400: 0xFFFFFEBF,
        0x48001800: 0xFFFFFFFF,
        0x4800040C: 0x00000100,
    }
    PARTS: ClassVar = {
        "oscillator": ("follows 40021000 8 1 40021000 A",),
        "pll": ("follows 40021000 18 1 40021000 19",),
        "switch": ("follows 40021008 0 3 40021008 2",),
        "gates": ("needs 40007000 400070FF 40021058 10000000",),
    }

    def clocks(self, registers: Registers, dead: str) -> Clocks:
        if field(registers, self.CFGR, 0, 2) == 3 and dead != "switch":
            core_hz = self._pll_hz(registers)
        else:
            core_hz = {6: 4 * MHZ, 8: 16 * MHZ}[field(registers, self.CR, 4, 4)]
        core_hz /= ahb_divider(field(registers, self.CFGR, 4, 4))
        apb1, apb2 = (apb_divider(field(registers, self.CFGR, shift, 3)) for shift in (8, 11))
        return Clocks(core_hz, core_hz, core_hz / apb1, core_hz / apb2)

    def _pll_hz(self, registers: Registers) -> float:
        assert field(registers, self.PLLCFGR, 0, 2) == 2, "from HSI16"
        assert field(registers, self.PLLCFGR, 24, 1), "output R must be on"
        input_hz = 16 * MHZ / (1 + field(registers, self.PLLCFGR, 4, 3))
        oscillator_hz = input_hz * field(registers, self.PLLCFGR, 8, 7)
        assert 4 * MHZ <= input_hz <= 16 * MHZ
        assert 64 * MHZ <= oscillator_hz <= 344 * MHZ
        return oscillator_hz / (2, 4, 6, 8)[field(registers, self.PLLCFGR, 25, 2)]

    def check(self, registers: Registers, clocks: Clocks) -> None:
        assert field(registers, self.PWR_CR1, 9, 2) == 1, "range 1"
        boost = not field(registers, self.PWR_CR5, 8, 1)
        assert clocks.core_hz <= (self.max_hz if boost else self.without_boost_hz)
        assert clocks.flash_hz <= self.flash_step_hz * (1 + field(registers, self.FLASH_ACR, 0, 3))


@dataclass(frozen=True)
class H7(Chip):
    """RM0433."""

    CR, CFGR, D1CFGR, D2CFGR, PLLCKSELR, PLLCFGR, PLL1DIVR, AHB4ENR, APB1LENR = (
        0x58024400 + offset for offset in (0x00, 0x10, 0x18, 0x1C, 0x28, 0x2C, 0x30, 0xE0, 0xE8)
    )
    PWR_CR3, PWR_D3CR = 0x5802480C, 0x58024818
    FLASH_ACR, FLASH_FIELD = 0x52002000, 0x3F
    SLOW_HZ = 64 * MHZ
    IWDG = 0x58004800
    FLAGS = ResetFlags(0x580244D0, 16, (26, 28), 23, 21, 24, 22)
    PLL_ON = (0x58024400, 24)
    PLL_SETTINGS: ClassVar = {0x58024428: 0x3F3, 0x5802442C: 0xF, 0x58024430: 0xFFFFFFFF}
    RESET: ClassVar = {
        0x58024400: 0x00000025,
        0x58024428: 0x02020200,
        0x5802442C: 0x01FF0000,
        0x58024430: 0x01010280,
        0x5802480C: 0x00000006,
        0x58024818: 0x00004000,
        0x52002000: 0x00000037,
        0x58020C00: 0xFFFFFFFF,  # GPIOD_MODER
    }
    PARTS: ClassVar = {
        "crystal": ("follows 58024400 10 1 58024400 11",),
        "pll": ("follows 58024400 18 1 58024400 19",),
        "switch": ("follows 58024410 0 7 58024410 3",),
        "supply": ("follows 5802480C 1 1 58024804 D",),
        "voltage": ("follows 58024818 F 1 58024818 D",),
    }
    FLASH_MHZ: ClassVar = {1: (45, 90, 135, 180, 225), 3: (70, 140, 210, 225)}
    """Voltage scale's code -> greatest bus clock for 0, 1, 2... wait states."""
    CORE_MHZ: ClassVar = {1: 200, 3: 400}
    DELAY_MHZ: ClassVar = {1: (45, 135, 180, 225), 3: (70, 185, 210, 225)}
    """Voltage scale's code -> greatest bus clock for each programming delay."""

    def clocks(self, registers: Registers, dead: str) -> Clocks:
        system_hz = float(self.SLOW_HZ)
        if field(registers, self.CFGR, 0, 3) == 3 and dead != "switch":
            system_hz = self._pll_hz(registers)
        core_hz = system_hz / ahb_divider(field(registers, self.D1CFGR, 8, 4))
        bus_hz = core_hz / ahb_divider(field(registers, self.D1CFGR, 0, 4))
        apb1, apb2 = (apb_divider(field(registers, self.D2CFGR, shift, 3)) for shift in (4, 8))
        return Clocks(core_hz, bus_hz, bus_hz / apb1, bus_hz / apb2)

    def _pll_hz(self, registers: Registers) -> float:
        source = field(registers, self.PLLCKSELR, 0, 2)
        source_hz = {0: self.SLOW_HZ, 2: self.hse_hz}[source]
        input_hz = source_hz / field(registers, self.PLLCKSELR, 4, 6)
        oscillator_hz = input_hz * (1 + field(registers, self.PLL1DIVR, 0, 9))
        lowest, highest = ((1, 2), (2, 4), (4, 8), (8, 16))[field(registers, self.PLLCFGR, 2, 2)]
        assert lowest * MHZ <= input_hz <= highest * MHZ
        assert field(registers, self.PLLCFGR, 1, 1) == 0, "the wide oscillator"
        assert 192 * MHZ <= oscillator_hz <= 836 * MHZ
        assert field(registers, self.PLLCFGR, 16, 1), "output P must be on"
        divider = 1 + field(registers, self.PLL1DIVR, 9, 7)
        assert divider == 1 or divider % 2 == 0
        return oscillator_hz / divider

    def check(self, registers: Registers, clocks: Clocks) -> None:
        scale = field(registers, self.PWR_D3CR, 14, 2)
        if scale != 1:
            assert field(registers, self.PWR_CR3, 0, 3) == 0b010, "the supply must be told first"
        assert clocks.core_hz <= self.CORE_MHZ[scale] * MHZ
        states = field(registers, self.FLASH_ACR, 0, 4)
        bears = self.FLASH_MHZ[scale]
        assert clocks.flash_hz <= bears[min(states, len(bears) - 1)] * MHZ
        assert (
            clocks.flash_hz <= self.DELAY_MHZ[scale][field(registers, self.FLASH_ACR, 4, 2)] * MHZ
        )
        d3_hz = clocks.flash_hz / apb_divider(field(registers, self.D1CFGR, 4, 3))
        assert max(clocks.apb1_hz, clocks.apb2_hz, d3_hz) <= 100 * MHZ
