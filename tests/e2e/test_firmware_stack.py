"""The stack that the firmware can take fits its reserve on each kind of core."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import ROOT

from host_tools import emulator
from host_tools.bench import firmware_stack
from host_tools.bench.firmware_stack import bound_stack
from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.errors import SottoError
from host_tools.link.device import Device
from host_tools.toolchains import TOOLCHAINS

GENERATED = ROOT / "generated"

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.mark.parametrize("name", ["stm32f405", "mps2_m7", "riscv_virt"])
def test_the_deepest_chain_of_calls_fits_and_no_session_goes_deeper(name: str) -> None:
    board = BOARDS[name]
    elf = build(board, GENERATED, ROOT).elf
    bound = bound_stack(elf, TOOLCHAINS[board.compile_target].prefix)
    assert bound.chain[0].endswith(("_reset", "_start"))
    assert "main" in bound.chain
    assert bound.fits
    with emulator.start(board, elf) as running, Device.open(running.url) as device:
        info = device.info()
        pcm = np.random.default_rng(1).integers(-9_000, 9_000, 16_000, dtype=np.int16)
        device.trace_clip(pcm)
        device.trace_window(pcm[: info.window_samples])
        device.trace_stages(3)
        device.self_test()
        health = device.health()
        assert health.stack_bytes == bound.reserve_bytes
        painted = device.info().stack_peak_bytes
    assert bound.bytes // 3 < painted <= bound.bytes


def test_a_call_through_a_pointer_that_nobody_listed_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(firmware_stack, "LEVELS", ())
    elf = build(BOARDS["stm32f405"], GENERATED, ROOT).elf
    with pytest.raises(SottoError, match="calls through a pointer, and nobody said"):
        bound_stack(elf, "arm-none-eabi-")
