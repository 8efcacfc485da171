"""How the STM32 ports start their chips, held against the rules of ST's reference manuals.

QEMU's clock tree reads 0, and it has no STM32L4 or H7 at all: here each board's port runs against a
model of its chip's registers (stm32_chip.c, stm32_chips.py), also with parts that do not start.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import LIB, ROOT
from stm32_chips import F4, H7, L4, MHZ, Chip, Registers

from host_tools.link.transport import BAUD_RATE
from host_tools.link.twin_messages import ResetCause

PORTS = ROOT / "firmware" / "ports"
MODEL = Path(__file__).with_name("stm32_chip.c")
MODER, PUPDR, AFR = 0x00, 0x0C, 0x20
PULL_UP, ALTERNATE = 1, 2


@dataclass(frozen=True)
class Usart:
    """A USART as its reference manual has it: offsets, its gate, the bus that feeds it."""

    base: int
    gate: tuple[int, int]
    apb: int
    old: bool = False
    steps: int = 1

    @property
    def cr1(self) -> int:
        return self.base + (0x0C if self.old else 0x00)

    @property
    def brr(self) -> int:
        return self.base + (0x08 if self.old else 0x0C)

    @property
    def enable(self) -> int:
        return 1 << (13 if self.old else 0)

    def rules(self) -> list[str]:
        offsets = (0x00, 0x04, 0x04, None) if self.old else (0x1C, 0x24, 0x28, 0x20)
        words = [0 if offset is None else self.base + offset for offset in offsets]
        gate, mask = self.gate
        return [
            f"usart {' '.join(f'{word:X}' for word in words)}",
            f"reset {words[0]:X} C0",
            f"needs {self.base:X} {self.base + 0x3FF:X} {gate:X} {mask:X}",
        ]


@dataclass(frozen=True)
class Case:
    """A board: what it carries, by its user manual and its chip's data sheet."""

    name: str
    family: str
    chip: Chip
    bypass: bool
    usart: Usart
    gpio: int
    gpio_gate: tuple[int, int]
    pins: tuple[int, int]
    function: int = 7


F4_USART1 = Usart(0x40011000, (F4.APB2ENR, 1 << 4), 2, old=True)
F4_USART2 = Usart(0x40004400, (F4.APB1ENR, 1 << 17), 1, old=True)
F4_USART3 = Usart(0x40004800, (F4.APB1ENR, 1 << 18), 1, old=True)
F4_A = (0x40020000, (F4.AHB1ENR, 1 << 0))
F4_B = (0x40020400, (F4.AHB1ENR, 1 << 1))
F446 = F4(8 * MHZ, 180 * MHZ, apb1_max_hz=45 * MHZ)
F401 = F4(8 * MHZ, 84 * MHZ, without_over_drive_hz=84 * MHZ)
L475 = L4(0, 80 * MHZ)
L4R5 = L4(0, 120 * MHZ, flash_step_hz=20 * MHZ)

CASES = {
    case.name: case
    for case in (
        Case("netduino_plus2", "f4", F4(25 * MHZ, 168 * MHZ), False, F4_USART1, *F4_B, (6, 7)),
        Case("disco_f407", "f4", F4(8 * MHZ, 168 * MHZ), False, F4_USART1, *F4_B, (6, 7)),
        Case("feather_f405", "f4", F4(12 * MHZ, 168 * MHZ), False, F4_USART3, *F4_B, (10, 11)),
        Case("nucleo_f446re", "f4", F446, True, F4_USART2, *F4_A, (2, 3)),
        Case("nucleo_f401re", "f4", F401, True, F4_USART2, *F4_A, (2, 3)),
        Case(
            "disco_l475",
            "l4",
            L475,
            False,
            Usart(0x40013800, (L4.APB2ENR, 1 << 14), 2),
            0x48000400,
            (L4.AHB2ENR, 1 << 1),
            (6, 7),
        ),
        Case(
            "nucleo_l4r5zi",
            "l4",
            L4R5,
            False,
            Usart(0x40008000, (L4.APB1ENR2, 1 << 0), 1, steps=256),
            0x48001800,
            (L4.AHB2ENR, 1 << 6),
            (7, 8),
            function=8,
        ),
        Case(
            "nucleo_h743zi",
            "h7",
            H7(8 * MHZ, 400 * MHZ),
            True,
            Usart(0x40004800, (H7.APB1LENR, 1 << 18), 1),
            0x58020C00,
            (H7.AHB4ENR, 1 << 3),
            (8, 9),
        ),
    )
}


@dataclass(frozen=True)
class Started:
    """The writes of one start, in order, and what the port then says of itself."""

    writes: tuple[tuple[int, int], ...]
    facts: dict[str, str]
    reset: Registers

    def states(self) -> list[Registers]:
        """All registers after each write."""
        registers, states = dict(self.reset), []
        for address, value in self.writes:
            registers[address] = value
            states.append(dict(registers))
        return states

    def last(self, register: int) -> int:
        return self.states()[-1][register]

    def index(self, register: int, mask: int) -> int:
        """Place of the first write to `register` with a bit of `mask`."""
        return next(i for i, (a, v) in enumerate(self.writes) if a == register and v & mask)

    @property
    def cpu_hz(self) -> int:
        return int(self.facts["cpu_hz"])


Start = Callable[..., Started]


@pytest.fixture(scope="module")
def program(build_program: Callable[..., Path]) -> Callable[[Case], Path]:
    """`program(case)` -> the model with the board's port, built once."""

    @functools.cache
    def build(case: Case) -> Path:
        ports = [PORTS / "stm32", PORTS / f"stm32{case.family}"]
        folders = [*ports, LIB / "src" / "microphone"]
        return build_program(
            [
                MODEL,
                *(path for folder in folders for path in sorted(folder.glob("*.c"))),
                PORTS / "stm32_boards" / f"{case.name}.c",
            ],
            [
                *("-include", str(MODEL.with_suffix(".h")), '-DSOTTO_BOARD_NAME="model"'),
                *("-I", str(PORTS / "stm32"), "-I", str(ROOT / "firmware" / "src")),
            ],
        )

    return build


@pytest.fixture
def start(program: Callable[[Case], Path]) -> Start:
    """`start(case, dead="", left={}, noted=UNKNOWN, more=())` -> what the port did to the chip.

    A part of the chip may be dead, a boot loader may have left registers, a start a note. `more`
    are rules of a microphone's part of the chip; with them the microphone starts, too.
    """

    def run(
        case: Case,
        dead: str = "",
        left: Registers | None = None,
        noted: ResetCause = ResetCause.UNKNOWN,
        more: Sequence[str] = (),
    ) -> Started:
        gate, mask = case.gpio_gate
        rules = [
            *case.chip.rules(dead, left),
            *case.usart.rules(),
            f"needs {case.gpio:X} {case.gpio + 0x3FF:X} {gate:X} {mask:X}",
            f"noted {noted.value:X} 0",
            *more,
        ]
        done = subprocess.run(
            [program(case)], input="\n".join(rules), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
        assert not [rest for key, rest in lines if key == "ungated"], "a gate is closed"
        pairs = [rest.split() for key, rest in lines if key == "write"]
        return Started(
            tuple((int(address, 16), int(value, 16)) for address, value in pairs),
            {key: rest for key, rest in lines if key != "write"},
            {**case.chip.RESET, **(left or {})},
        )

    return run


def baud_error(case: Case, started: Started, dead: str = "") -> float:
    """Deviation of the baud rate, by the final clock of the bus; no divisor is nearer."""
    clocks = case.chip.clocks(started.states()[-1], dead)
    bus_hz = clocks.apb1_hz if case.usart.apb == 1 else clocks.apb2_hz
    ideal, chosen = bus_hz * case.usart.steps / BAUD_RATE, started.last(case.usart.brr)
    assert abs(ideal - chosen) <= 0.5
    return ideal / chosen - 1


def never_too_fast(case: Case, started: Started, dead: str = "") -> None:
    """After each write, all is as fast as the chip bears; the PLL is set only while it is off."""
    register, bit = case.chip.PLL_ON
    before: Registers = started.reset
    for state in started.states():
        case.chip.check(state, case.chip.clocks(state, dead))
        if before.get(register, 0) >> bit & 1:
            for address, mask in case.chip.PLL_SETTINGS.items():
                assert not (before.get(address, 0) ^ state.get(address, 0)) & mask
        before = state


all_boards = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@all_boards
def test_full_speed_in_an_order_that_the_chip_bears(start: Start, case: Case) -> None:
    started = start(case)
    assert started.cpu_hz == case.chip.max_hz
    assert case.chip.clocks(started.states()[-1], "").core_hz == case.chip.max_hz
    never_too_fast(case, started)
    assert abs(baud_error(case, started)) < 0.01


def test_the_protocol_is_written_down_with_this_baud_rate() -> None:
    assert f"runs at {BAUD_RATE:,} baud" in (ROOT / "docs" / "protocol.md").read_text()


WITH_CRYSTAL = [case for case in CASES.values() if case.chip.hse_hz]


@pytest.mark.parametrize("case", WITH_CRYSTAL, ids=lambda case: case.name)
def test_the_oscillator_outside_is_used_as_the_board_wires_it(start: Start, case: Case) -> None:
    """A crystal swings; an ST-Link's clock must bypass what would let it swing."""
    started = start(case)
    on = started.index(case.chip.PLL_ON[0], 1 << 16)
    assert bool(started.writes[on][1] >> 18 & 1) == case.bypass, "HSEBYP goes before HSEON"
    if isinstance(case.chip, F4):
        assert started.last(case.chip.PLLCFGR) >> 22 & 1
    else:
        assert started.last(H7.PLLCKSELR) & 3 == 2


@pytest.mark.parametrize("case", WITH_CRYSTAL, ids=lambda case: case.name)
def test_without_it_the_inner_oscillator_feeds_the_pll(start: Start, case: Case) -> None:
    started = start(case, "crystal")
    assert started.cpu_hz == case.chip.max_hz
    assert case.chip.clocks(started.states()[-1], "crystal").core_hz == case.chip.max_hz
    never_too_fast(case, started, "crystal")
    assert abs(baud_error(case, started, "crystal")) < 0.01


DEAD = [
    pytest.param(case, dead, id=f"{case.name}-{dead}")
    for case in CASES.values()
    for dead in (*case.chip.PARTS, "flash")
    if dead not in {"crystal", "gates"} and (not dead.startswith("over-drive") or case.chip == F446)
]


@pytest.mark.parametrize(("case", "dead"), DEAD)
def test_what_does_not_start_leaves_a_slow_board_that_talks(
    start: Start, case: Case, dead: str
) -> None:
    started = start(case, dead)
    assert started.cpu_hz == case.chip.SLOW_HZ
    assert case.chip.clocks(started.states()[-1], dead).core_hz == case.chip.SLOW_HZ
    never_too_fast(case, started, dead)
    assert abs(baud_error(case, started, dead)) < 0.025


@all_boards
def test_the_usart_has_its_pins_before_it_starts(start: Start, case: Case) -> None:
    """Other pins, among them those of the debug probe, stay as they were."""
    started = start(case)
    functions: dict[int, int] = {}
    modes, pulls = (started.reset.get(case.gpio + offset, 0) for offset in (MODER, PUPDR))
    for pin in case.pins:
        modes = modes & ~(3 << pin * 2) | ALTERNATE << pin * 2
        pulls = pulls & ~(3 << pin * 2) | PULL_UP << pin * 2
        register = case.gpio + AFR + 4 * (pin // 8)
        functions[register] = functions.get(register, 0) | case.function << pin % 8 * 4
    assert started.last(case.gpio + MODER) == modes
    assert started.last(case.gpio + PUPDR) == pulls
    assert {register: started.last(register) for register in functions} == functions
    enable = started.index(case.usart.cr1, case.usart.enable)
    pins = [i for i, (a, _) in enumerate(started.writes) if case.gpio <= a < case.gpio + 0x400]
    assert max(pins) < enable
    assert started.index(case.usart.brr, 0xFFFFF) < enable
    eight_bits = 1 << 5 | 1 << 3 | 1 << 2
    assert started.last(case.usart.cr1) == case.usart.enable | eight_bits


@all_boards
def test_the_serial_line_keeps_good_bytes_counts_lost_ones_and_sends(
    start: Start, case: Case
) -> None:
    started = start(case)
    assert started.facts["received"] == "4142 lost 2"
    assert started.facts["sent"] == "55"


@pytest.mark.parametrize("name", ["feather_f405", "nucleo_f446re"])
def test_a_boot_loader_may_have_left_the_core_on_its_pll(start: Start, name: str) -> None:
    """As the one that takes firmware over USB does; PLLs are not set while they run."""
    case = CASES[name]
    at_48_mhz = 2 << 28 | 4 << 24 | 1 << 22 | 1 << 16 | 192 << 6 | case.chip.hse_hz // MHZ
    on_pll = {F4.CR: 0x03030083, F4.PLLCFGR: at_48_mhz, F4.CFGR: 0xA, F4.FLASH_ACR: 1}
    started = start(case, left=on_pll)
    assert case.chip.clocks(started.reset, "").core_hz == 48 * MHZ
    assert started.cpu_hz == case.chip.max_hz
    assert case.chip.clocks(started.states()[-1], "").core_hz == case.chip.max_hz
    never_too_fast(case, started)


def test_boost_mode_stops_over_at_half_speed(start: Start) -> None:
    case = CASES["nucleo_l4r5zi"]
    speeds = [case.chip.clocks(state, "").core_hz for state in start(case).states()]
    assert list(dict.fromkeys(speed for speed in speeds if speed > 16 * MHZ)) == [
        60 * MHZ,
        120 * MHZ,
    ]


def test_port_g_gets_its_supply_before_its_pins(start: Start) -> None:
    started = start(CASES["nucleo_l4r5zi"])
    gpio = CASES["nucleo_l4r5zi"].gpio
    assert started.index(L4.PWR_CR2, 1 << 9) < started.index(gpio + MODER, 0xFFFFFFFF)
    assert L4.PWR_CR2 not in dict(start(CASES["disco_l475"]).writes)


def test_the_caches_of_a_cortex_m7_are_started(start: Start) -> None:
    assert start(CASES["nucleo_h743zi"]).facts["caches"] == "started"
    assert "caches" not in start(CASES["nucleo_f446re"]).facts


@all_boards
def test_reading_the_line_starts_the_watchdog_and_feeds_it(start: Start, case: Case) -> None:
    started = start(case)
    keys = [(a - case.chip.IWDG, v) for a, v in started.writes if a & ~0xF == case.chip.IWDG]
    waits_ms = int(started.facts["watchdog_ms"])
    assert keys == [
        (0x0, 0xCCCC),
        (0x0, 0x5555),
        (0x4, 4),  # divides by 64
        (0x8, waits_ms * 32 // 64 - 1),
        (0x0, 0xAAAA),
        (0x0, 0xAAAA),
    ]
    assert waits_ms == 4_000


@all_boards
def test_the_chip_says_why_it_started(start: Start, case: Case) -> None:
    """Each reset inside the chip pulls its pin, too; power that comes on is a brown-out, too."""
    of = case.chip.FLAGS

    def cause(*bits: int | None, noted: ResetCause = ResetCause.UNKNOWN) -> ResetCause:
        value = sum(1 << bit for bit in bits if bit is not None)
        started = start(case, left={of.address: value}, noted=noted)
        assert started.last(of.address) >> of.clear & 1
        return ResetCause(int(started.facts["cause"]))

    for watchdog in of.watchdogs:
        assert cause(watchdog, of.pin, noted=ResetCause.FAULT) is ResetCause.WATCHDOG
    assert cause(of.power_on, of.brown_out, of.pin) is ResetCause.POWER_ON
    if of.brown_out is not None:
        assert cause(of.brown_out, of.pin) is ResetCause.BROWN_OUT
    assert cause(of.software, of.pin, noted=ResetCause.FAULT) is ResetCause.FAULT
    assert cause(of.software, of.pin) is ResetCause.SOFTWARE
    assert cause(of.pin) is ResetCause.PIN
    assert cause(noted=ResetCause.SOFTWARE) is ResetCause.SOFTWARE


DFSDM_RULES = (
    "microphone 1 0",
    "needs 40016000 400167FF 40021060 1000000",  # DFSDM1: APB2ENR
    "needs 40020000 400203FF 40021048 1",  # DMA1: AHB1ENR
    "needs 48001000 480013FF 4002104C 10",  # GPIOE: AHB2ENR
    "reset 48001000 FFFFFFFF",
    "follows 40016100 11 1 40016108 E",  # a conversion that is started is in progress
)
I2S2_RULES = (
    "microphone 1 0",
    "needs 40003800 40003BFF 40023840 4000",  # SPI2: APB1ENR
    "needs 40026000 400263FF 40023830 200000",  # DMA1: AHB1ENR
    "needs 40020800 40020BFF 40023830 4",  # GPIOC: AHB1ENR
    "follows 40023800 1A 1 40023800 1B",  # PLLI2S
)


def test_the_dfsdm_of_a_b_l475e_is_set_before_it_is_switched_on(start: Start) -> None:
    """In the order of RM0351: clock divider, channel and filter are locked while they are on."""
    case = CASES["disco_l475"]
    started = start(case, more=DFSDM_RULES)
    assert started.facts["microphone"] == "1 at 14", "DMA1's channel 4"
    channel0, channel2, filter0 = 0x40016000, 0x40016040, 0x40016100
    line_on = started.index(channel0, 1 << 31)
    assert started.writes[line_on][1] >> 16 & 0xFF == 50 - 1, "80 MHz / 50 are 1.6 MHz"
    channel_on = started.index(channel2, 1 << 7)
    assert started.writes[channel_on][1] == 1 << 7 | 1 << 2 | 1, "at falling edges of CKOUT"
    filter_on = started.index(filter0, 1 << 0)
    begun = started.index(filter0, 1 << 17)
    assert line_on < filter_on < begun
    assert channel_on < filter_on
    assert started.index(filter0 + 0x14, 7 << 29) < filter_on
    assert started.last(filter0 + 0x14) == 4 << 29 | (25 - 1) << 16, "sinc of order 4, by 25"
    wanted = 1 << 29 | 2 << 24 | 1 << 21 | 1 << 18 | 1 << 17 | 1
    assert started.last(filter0) == wanted, "fast, channel 2, DMA, continuous"
    gpio = 0x48001000
    assert started.last(gpio + AFR) >> 28 == 6
    assert started.last(gpio + AFR + 4) >> 4 & 0xF == 6
    assert started.last(gpio + MODER) == 0xFFFFFFFF & ~(1 << 14 | 1 << 18)


def test_dma_takes_the_words_of_dfsdm_before_it_gives_any(start: Start) -> None:
    started = start(CASES["disco_l475"], more=DFSDM_RULES)
    ccr, words = 0x40020044, 4096
    on = started.index(ccr, 1 << 0)
    assert started.writes[on][1] == 2 << 12 | 2 << 10 | 2 << 8 | 1 << 7 | 1 << 5 | 0b0111
    assert started.last(ccr + 4) == words
    assert started.last(ccr + 8) == 0x4001611C, "the filter's data register"
    assert on < started.index(0x40016100, 1 << 17)


def test_a_filter_that_does_not_begin_is_told(start: Start) -> None:
    started = start(CASES["disco_l475"], more=DFSDM_RULES[:-1])
    assert started.facts["microphone"].startswith("0 ")
    assert [started.last(register) for register in (0x40016000, 0x40016100, 0x40020044)] == [0] * 3


def test_the_i2s_of_a_discovery_is_set_before_it_is_switched_on(start: Start) -> None:
    """1 MHz * 256 / 5 / 50 are 1.024 MHz; RM0090: I2SPR and I2SCFGR are locked while it is on."""
    started = start(CASES["disco_f407"], more=I2S2_RULES)
    assert started.facts["microphone"] == "1 at 14", "DMA1's stream 3"
    pll_on = started.index(F4.CR, 1 << 26)
    assert dict(started.writes[:pll_on])[0x40023884] == 5 << 28 | 256 << 6
    on = started.index(0x4000381C, 1 << 10)
    assert started.last(0x40003820) == 25
    assert started.index(0x40003820, 0xFF) < on
    assert started.index(0x40026058, 1) < on, "DMA waits for its first word"
    assert started.last(0x40026060) == 0x4000380C


def test_a_pll_of_the_i2s_that_is_dead_is_switched_off_again(start: Start) -> None:
    started = start(CASES["disco_f407"], more=I2S2_RULES[:-1])
    assert started.facts["microphone"].startswith("0 ")
    assert not started.last(F4.CR) >> 26 & 1
