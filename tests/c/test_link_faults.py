"""A bad line between device and firmware: nothing is lost, nothing corrupt is accepted."""

from __future__ import annotations

import random
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from firmware_build import CLIP_SAMPLES, CONFIG

from host_tools.link.device import Device
from host_tools.link.exchange import LinkTiming
from host_tools.link.faulty import Fault, FaultPlan, FaultyTransport
from host_tools.link.simulated import SimulatedBoard
from training.features import Frontend

pytest_plugins = ["link_fixtures"]

# Shorter than a stall (5 pauses), so that stalls cause retransmissions.
PATIENT = LinkTiming(answer_timeout_s=0.05, attempts=100)
CLIPS = 3

FAULTS = {fault.name.lower(): [fault] for fault in Fault} | {"all": list(Fault)}


def bad_line(program: Path, faults: Collection[Fault], seed: int) -> FaultyTransport:
    """Strikes every seventh chunk; restarts are rarer, since each begins a clip of 32 anew."""
    plan = FaultPlan(faults, probability=0.02 if faults == [Fault.RESET] else 0.15)
    return FaultyTransport(SimulatedBoard(program), random.Random(seed), plan, plan)


def clips(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-20000, 20000, (CLIPS, CLIP_SAMPLES), dtype=np.int16)


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_costs_only_time(faults: list[Fault], fake_firmware: Path) -> None:
    frontend = Frontend(CONFIG)
    line = bad_line(fake_firmware, faults, seed=3)
    with Device(line, PATIENT) as device:
        for pcm in clips(7):
            expected = frontend.clip(pcm)
            result = device.run_clip(pcm)
            assert result.features_crc32 == zlib.crc32(expected.tobytes())
            assert result.scores == tuple(expected[0, : len(result.scores)].tolist())
            assert result.frames == CONFIG.frames
            np.testing.assert_array_equal(device.features(), expected)
            assert device.infer(expected).scores == result.scores
        assert device.self_test().passed
        info = device.info()
    assert set(line.struck) == set(faults)
    if Fault.RESET not in faults:  # which forgets the counters
        # Each clip was computed once, whatever was sent twice.
        assert info.clips_completed == 2 * CLIPS
    if set(faults) & {Fault.FLIP, Fault.INSERT, Fault.TRUNCATE} and Fault.RESET not in faults:
        assert info.frames_corrupt > 0


@pytest.mark.parametrize("seed", range(6))
def test_all_faults_with_other_seeds(seed: int, fake_firmware: Path) -> None:
    pcm = clips(seed)[0]
    with Device(bad_line(fake_firmware, list(Fault), seed), PATIENT) as device:
        result = device.run_clip(pcm)
    assert result.features_crc32 == zlib.crc32(Frontend(CONFIG).clip(pcm).tobytes())
