"""The order in which the stm32f4 port starts a chip, held against the rules of RM0090.

QEMU's clock tree reads 0, so on the emulator this code gives up at its first step: here it runs
against a model of the registers (stm32f4_chip.c), also with parts that do not start.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT

from host_tools.link.transport import BAUD_RATE

PORTS = ROOT / "firmware" / "ports"
MODEL = Path(__file__).with_name("stm32f4_chip.c")

RCC_CR, RCC_PLLCFGR, RCC_CFGR, FLASH_ACR = 0x40023800, 0x40023804, 0x40023808, 0x40023C00
RCC_AHB1ENR, RCC_APB2ENR = 0x40023830, 0x40023844
USART1_BRR, USART1_CR1 = 0x40011008, 0x4001100C
GPIOA, GPIOB = 0x40020000, 0x40020400
MODER, PUPDR, AFRL, AFRH = 0x00, 0x0C, 0x20, 0x24
HSI_HZ = 16_000_000
FULL_HZ = 168_000_000


@dataclass(frozen=True)
class Started:
    """The writes of one start, in order, and what the port then says of itself."""

    writes: tuple[tuple[int, int], ...]
    facts: dict[str, str]

    def last(self, register: int) -> int:
        return [value for address, value in self.writes if address == register][-1]

    def index(self, register: int, mask: int) -> int:
        """Place of the first write to `register` with a bit of `mask`."""
        return next(i for i, (a, v) in enumerate(self.writes) if a == register and v & mask)

    @property
    def cpu_hz(self) -> int:
        return int(self.facts["cpu_hz"])


@pytest.fixture
def start(build_program: Callable[..., Path]) -> Callable[..., Started]:
    """`start(fault="", flags=())` -> what the port did to a chip with that fault."""

    def run(fault: str = "", flags: Sequence[str] = ()) -> Started:
        program = build_program(
            [MODEL, *sorted((PORTS / "stm32f4").glob("*.c"))],
            [
                *("-include", str(MODEL.with_suffix(".h")), '-DSOTTO_BOARD_NAME="model"'),
                *("-I", str(PORTS / "stm32f4"), "-I", str(ROOT / "firmware" / "src")),
                *flags,
            ],
        )
        done = subprocess.run(
            [program],
            env={"CHIP_FAULT": fault},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
        pairs = [rest.split() for key, rest in lines if key == "write"]
        return Started(
            tuple((int(address, 16), int(value, 16)) for address, value in pairs),
            {key: rest for key, rest in lines if key != "write"},
        )

    return run


def pll_hz(pllcfgr: int, crystal_hz: int) -> float:
    """Output of the PLL; its input and its oscillator must be in their ranges."""
    source_hz = crystal_hz if pllcfgr >> 22 & 1 else HSI_HZ
    input_hz = source_hz / (pllcfgr & 0x3F)
    oscillator_hz = input_hz * (pllcfgr >> 6 & 0x1FF)
    assert 950_000 <= input_hz <= 2_100_000
    assert 192_000_000 <= oscillator_hz <= 432_000_000
    assert 2 <= pllcfgr >> 24 & 0xF <= 15
    return oscillator_hz / (2, 4, 6, 8)[pllcfgr >> 16 & 3]


def baud_error(started: Started) -> float:
    """Deviation of the baud rate, by the clock that APB2 has in the end."""
    divider = {0: 1, 4: 2}[dict(started.writes).get(RCC_CFGR, 0) >> 13 & 7]
    apb2_hz = started.cpu_hz / divider
    return apb2_hz / started.last(USART1_BRR) / BAUD_RATE - 1


@pytest.mark.parametrize("crystal_hz", [8_000_000, 12_000_000, 25_000_000])
def test_full_speed_from_any_crystal(start: Callable[..., Started], crystal_hz: int) -> None:
    started = start(flags=[f"-DSOTTO_HSE_HZ={crystal_hz}u"])
    assert started.cpu_hz == FULL_HZ
    pllcfgr = started.last(RCC_PLLCFGR)
    assert pllcfgr >> 22 & 1, "the PLL must run from the crystal"
    assert pll_hz(pllcfgr, crystal_hz) == FULL_HZ
    assert abs(baud_error(started)) < 0.005


def test_the_protocol_is_written_down_with_this_baud_rate() -> None:
    assert f"runs at {BAUD_RATE:,} baud" in (ROOT / "docs" / "protocol.md").read_text()


def test_the_core_speeds_up_last(start: Callable[..., Started]) -> None:
    started = start()
    switch = started.index(RCC_CFGR, 3)
    assert started.writes[switch][1] & 3 == 2, "the PLL must be the system clock"
    before = dict(started.writes[:switch])
    assert before[FLASH_ACR] & 7 == 5, "168 MHz needs 5 wait states first"
    assert before[RCC_CFGR] >> 10 & 7 == 5, "APB1 bears 42 MHz: divide by 4 first"
    assert before[RCC_CFGR] >> 13 & 7 == 4, "APB2 bears 84 MHz: divide by 2 first"
    pll_on = started.index(RCC_CR, 1 << 24)
    assert [i for i, (a, _) in enumerate(started.writes) if a == RCC_PLLCFGR][-1] < pll_on


def test_without_a_crystal_the_inner_oscillator_feeds_the_pll(
    start: Callable[..., Started],
) -> None:
    started = start("crystal")
    assert started.cpu_hz == FULL_HZ
    pllcfgr = started.last(RCC_PLLCFGR)
    assert not pllcfgr >> 22 & 1
    assert pll_hz(pllcfgr, 0) == FULL_HZ
    assert abs(baud_error(started)) < 0.005


@pytest.mark.parametrize("fault", ["pll", "flash", "switch"])
def test_what_does_not_start_leaves_a_slow_board_that_talks(
    start: Callable[..., Started], fault: str
) -> None:
    started = start(fault)
    assert started.cpu_hz == HSI_HZ
    assert [v for a, v in started.writes if a == RCC_CFGR][-1:] in ([], [0])
    assert abs(baud_error(started)) < 0.025


@pytest.mark.parametrize(
    ("flags", "gpio", "alternate", "first_pin", "afr"),
    [
        ((), GPIOB, 0x280, 6, AFRL),
        (("-DSOTTO_USART1_ON_PORT_A=1",), GPIOA, 0xA8000000, 9, AFRH),
    ],
    ids=["PB6 and PB7", "PA9 and PA10"],
)
def test_usart1_has_its_pins_before_it_starts(
    start: Callable[..., Started],
    flags: Sequence[str],
    gpio: int,
    alternate: int,
    first_pin: int,
    afr: int,
) -> None:
    started = start(flags=flags)
    assert started.last(gpio + MODER) == alternate | 0b1010 << first_pin * 2, "debug pins stay"
    assert started.last(gpio + PUPDR) >> first_pin * 2 & 0b1111 == 0b0101
    assert started.last(gpio + afr) == 0x77 << first_pin % 8 * 4
    clocks = max(started.index(RCC_AHB1ENR, 3), started.index(RCC_APB2ENR, 1 << 4))
    enable = started.index(USART1_CR1, 1 << 13)
    pins = [i for i, (a, _) in enumerate(started.writes) if gpio <= a < gpio + 0x400]
    assert clocks < min(pins) <= max(pins) < enable
    assert started.index(USART1_BRR, 0xFFFF) < enable
    assert started.last(USART1_CR1) == 1 << 13 | 1 << 5 | 1 << 3 | 1 << 2, "8 bits, 16 samples"


def test_the_interrupt_keeps_good_bytes_and_counts_lost_ones(
    start: Callable[..., Started],
) -> None:
    assert start().facts["received"] == "4142 lost 2"
