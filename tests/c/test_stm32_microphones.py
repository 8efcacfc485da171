"""The PDM microphones of the STM32 ports, with models of their DMA in place of the chips."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import LIB, ROOT
from numpy.typing import NDArray
from pdm_bits import modulated_sine

from training.pdm_design import (
    CIC_RATE_HZ,
    PASS_HZ,
    SAMPLE_RATE_HZ,
    STOP_HZ,
    cic_kernel,
    decimate,
    design,
    halve_twice,
    response,
)

I2S_HZ = 1_024_000
DFSDM_HZ = 1_600_000
ORDER = 4
RATIO = DFSDM_HZ // CIC_RATE_HZ
FULL_SCALE = RATIO**ORDER
WORDS_PER_SAMPLE = CIC_RATE_HZ // SAMPLE_RATE_HZ
FULL_SPEED_HZ, SLOW_HZ = 80_000_000, 16_000_000
"""Of an STM32L475, with and without its PLL."""
MODEL = Path(__file__).with_name("stm32_microphone_tool.c")
PORTS = ROOT / "firmware" / "ports"

Build = Callable[[str], Path]


@pytest.fixture(scope="module")
def build(build_program: Callable[..., Path]) -> Build:
    """`build("dfsdm")` -> the tool with that model."""
    includes = [PORTS / "stm32f4", PORTS / "stm32l4", PORTS / "stm32", ROOT / "firmware" / "src"]
    flags = [f"-I{folder}" for folder in (*includes, MODEL.parent)]
    flags += ["-include", str(MODEL.with_name("stm32_chip.h"))]
    library = sorted((LIB / "src" / "microphone").glob("*.c"))
    return lambda name: build_program([MODEL, MODEL.with_name(f"{name}_model.c"), *library], flags)


@pytest.fixture(scope="module")
def i2s2(build: Build) -> Path:
    return build("pdm_i2s2")


@pytest.fixture(scope="module")
def dfsdm(build: Build) -> Path:
    return build("dfsdm")


def run(tool: Path, data: bytes, line_hz: int, **settings: int) -> tuple[NDArray[np.int16], int]:
    """Samples, and how many were lost."""
    environment = {name: str(value) for name, value in settings.items()}
    done = subprocess.run([tool], input=data, env=environment, capture_output=True, check=True)
    lost, found_hz = map(int, done.stderr.split())
    assert found_hz == line_hz
    return np.frombuffer(done.stdout, np.int16), lost


def hardware_line(data: bytes) -> NDArray[np.int64]:
    """int64[n] at 64 kHz: what the chip's sinc filter makes of bits of 1 and -1."""
    bits = 2 * np.unpackbits(np.frombuffer(data, np.uint8)).astype(np.int64) - 1
    return np.convolve(bits, cic_kernel(ORDER, RATIO))[ORDER * RATIO - 1 : bits.size : RATIO]


def to_s16(line: NDArray[np.int64]) -> NDArray[np.int64]:
    return (line * ((1 << 30) // FULL_SCALE) + (1 << 14)) >> 15


def expected_of_dfsdm(data: bytes) -> NDArray[np.int16]:
    return halve_twice(design(ORDER), to_s16(hardware_line(data)))


def equal_but_for_what_waits(samples: NDArray[np.int16], expected: NDArray[np.int16]) -> None:
    """Up to a block of 8 samples still waits in the ring."""
    assert expected.size - 8 <= samples.size <= expected.size
    np.testing.assert_array_equal(samples, expected[: samples.size])


@pytest.mark.parametrize("step", [1, 33, 640, 2_048, 3_000])
def test_every_bit_of_i2s_becomes_part_of_a_sample(i2s2: Path, step: int) -> None:
    data = modulated_sine(I2S_HZ, 0.2, 440.0, 0.4)
    samples, lost = run(i2s2, data, I2S_HZ, STEP=step)
    assert lost == 0
    equal_but_for_what_waits(samples, decimate(design(4), I2S_HZ, data))


@pytest.mark.parametrize("step", [1, 33, 2_048, 3_000])
@pytest.mark.parametrize("cpu_hz", [FULL_SPEED_HZ, SLOW_HZ])
def test_every_result_of_dfsdm_becomes_part_of_a_sample(
    dfsdm: Path, step: int, cpu_hz: int
) -> None:
    """Bits of a loud sine, then lines of ones and of zeros: full scale, both ways."""
    data = modulated_sine(DFSDM_HZ, 0.1, 440.0, 0.9) + b"\xff" * 2_000 + bytes(2_000)
    samples, lost = run(dfsdm, data, DFSDM_HZ, STEP=step, CPU_HZ=cpu_hz)
    assert lost == 0
    equal_but_for_what_waits(samples, expected_of_dfsdm(data))
    assert (samples.min(), samples.max()) == (-32_768, 32_767)


def test_full_scale_of_dfsdm_is_a_number_of_the_reference_manual(dfsdm: Path) -> None:
    """Ones alone are ratio^order; the filters behind add 1/4096 at most, by their rounding."""
    assert hardware_line(b"\xff" * 100).tolist() == [FULL_SCALE] * (100 * 8 // RATIO - ORDER + 1)
    samples, _ = run(dfsdm, b"\xaa" * 4_000, DFSDM_HZ, STEP=64, CPU_HZ=FULL_SPEED_HZ)
    assert not samples.any(), "ones and zeros in turn are silence"
    quarter = b"\xea" * 8_000  # five ones in eight
    samples, _ = run(dfsdm, quarter, DFSDM_HZ, STEP=64, CPU_HZ=FULL_SPEED_HZ)
    assert samples[100:].astype(float).mean() == pytest.approx(32_768 / 4, rel=1 / 4_096)


def test_response_of_the_chain_with_the_chips_filter() -> None:
    frequencies = np.arange(0, DFSDM_HZ / 2, 20.0)
    amplitude = response(design(ORDER), DFSDM_HZ, frequencies)
    decibels = 20 * np.log10(np.maximum(amplitude, 1e-9))
    flat = decibels[frequencies <= PASS_HZ]
    assert flat.max() - flat.min() < 0.05
    assert decibels[frequencies >= STOP_HZ].max() < -60


@pytest.mark.parametrize("frequency_hz", [500.0, 6_500.0])
def test_a_sine_comes_back_through_dfsdm(dfsdm: Path, frequency_hz: float) -> None:
    data = modulated_sine(DFSDM_HZ, 0.072, frequency_hz, 0.5)
    samples, _ = run(dfsdm, data, DFSDM_HZ, STEP=64, CPU_HZ=FULL_SPEED_HZ)
    settled = samples[96 : 96 + 1_024].astype(float)
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(settled.size) / SAMPLE_RATE_HZ)
    amplitude = 2 * abs(np.mean(settled * turns)) / 32_768
    assert 20 * np.log10(amplitude / 0.5) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("part", ["i2s2", "dfsdm"])
def test_what_a_late_reader_loses_is_counted(part: str, request: pytest.FixtureRequest) -> None:
    line_hz = {"i2s2": I2S_HZ, "dfsdm": DFSDM_HZ}[part]
    data = np.random.default_rng(2).integers(0, 256, line_hz // 16, dtype=np.uint8).tobytes()
    samples, lost = run(
        request.getfixturevalue(part), data, line_hz, STEP=1_000, LATE=8, CPU_HZ=FULL_SPEED_HZ
    )
    all_of_them = len(data) * 8 * SAMPLE_RATE_HZ // line_hz
    assert lost > 0
    # what came after the last read, less than the ring holds, is neither
    assert all_of_them - 1_024 <= samples.size + lost <= all_of_them


def test_an_overrun_of_the_chips_filter_is_counted_once(dfsdm: Path) -> None:
    """The result of that number is missing from the line, and the flag is cleared."""
    data = modulated_sine(DFSDM_HZ, 0.2, 440.0, 0.4)
    samples, lost = run(dfsdm, data, DFSDM_HZ, STEP=64, OVERRUN=5_000, CPU_HZ=FULL_SPEED_HZ)
    assert lost == 1
    line = np.delete(to_s16(hardware_line(data)), 5_000 - ORDER)
    equal_but_for_what_waits(samples, halve_twice(design(ORDER), line))


@pytest.mark.parametrize("part", ["i2s2", "dfsdm"])
def test_a_part_that_does_not_start_is_told_and_left_off(
    part: str, request: pytest.FixtureRequest
) -> None:
    settings = {"STEP": "1", "DEAD": "1", "CPU_HZ": str(FULL_SPEED_HZ)}
    tool = request.getfixturevalue(part)
    done = subprocess.run([tool], input=b"", env=settings, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"did not start, line at 0\n")
