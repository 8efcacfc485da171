"""The PDM microphone of the stm32f4 port, with a model of its DMA in place of the chip."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import LIB, ROOT
from pdm_bits import modulated_sine

from training.pdm_design import decimate, design

PDM_HZ = 1_024_000
TOOL = Path(__file__).with_name("pdm_i2s2_tool.c")
PORT = ROOT / "firmware" / "ports" / "stm32f4"


@pytest.fixture
def tool(build_program: Callable[..., Path]) -> Path:
    includes = [f"-I{folder}" for folder in (PORT, ROOT / "firmware" / "src", TOOL.parent)]
    includes += ["-include", str(TOOL.with_name("stm32_chip.h"))]
    return build_program([TOOL, *sorted((LIB / "src" / "microphone").glob("*.c"))], includes)


def run(tool: Path, data: bytes, step: int, late: int) -> tuple[np.ndarray, int]:
    settings = {"STEP": str(step), "LATE": str(late)}
    done = subprocess.run([tool], input=data, env=settings, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.int16), int(done.stderr)


@pytest.mark.parametrize("step", [1, 33, 640, 2_048, 3_000])
def test_every_bit_becomes_part_of_a_sample(tool: Path, step: int) -> None:
    data = modulated_sine(PDM_HZ, 0.2, 440.0, 0.4)
    expected = decimate(design(4), PDM_HZ, data)
    samples, lost = run(tool, data, step, late=0)
    assert lost == 0
    assert expected.size - 8 <= samples.size  # up to a block still waits in the ring
    np.testing.assert_array_equal(samples, expected[: samples.size])


def test_what_a_late_reader_loses_is_counted(tool: Path) -> None:
    data = np.random.default_rng(2).integers(0, 256, 64_000, dtype=np.uint8).tobytes()
    samples, lost = run(tool, data, 1_000, late=8)
    assert lost > 0
    # what came after the last read, less than the ring holds, is neither
    assert len(data) // 8 - 1_024 <= samples.size + lost <= len(data) // 8
