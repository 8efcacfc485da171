"""HEALTH and TRACE replies as docs/protocol.md has them, and the times that are made of them."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from host_tools.link.messages import MalformedReplyError, SelfTest, SelfTestStage
from host_tools.link.twin_messages import (
    BuildFact,
    GetReply,
    Guard,
    Health,
    Note,
    ResetCause,
    StagesReply,
    StepsReply,
    Tail,
    WindowReply,
)
from host_tools.manifest import Layer
from host_tools.progress import Silent
from host_tools.twin.run import describe_self_test, health_json
from host_tools.twin.timing import measure

PASSED = bytes(16)


def health(cause: int = 4, test: bytes = PASSED, texts: bytes = b"\3dsp\x0412.2") -> bytes:
    numbers = (7, 8_192, 4_000, 1_000_000_000, 0x11223344, 0x55667788)
    return bytes([cause, 5, 34, 0]) + struct.pack("<6I", *numbers) + test + texts


def test_health_byte_by_byte() -> None:
    told = Health.unpack(health())
    assert told.reset_cause is ResetCause.WATCHDOG
    assert told.guards == Guard.BEFORE_ARENA | Guard.AFTER_WORKSPACE
    assert told.build == BuildFact.CHAR_UNSIGNED | BuildFact.COMPARES_KERNELS
    assert (told.restarts, told.stack_bytes, told.watchdog_ms) == (7, 8_192, 4_000)
    assert (told.ticks_hz, told.tables_crc32) == (1_000_000_000, 0x11223344)
    assert (told.constants_crc32, told.kernels, told.compiler) == (0x55667788, "dsp", "12.2")
    assert told.self_test.passed
    shown = health_json(told)
    assert shown["reset_cause"] == "watchdog"
    assert shown["guards"] == ["before_arena", "after_workspace"]
    assert shown["tables_crc32"] == "11223344"


def test_a_cause_of_a_later_firmware_is_unknown() -> None:
    assert Health.unpack(health(cause=99)).reset_cause is ResetCause.UNKNOWN


@pytest.mark.parametrize(
    "payload",
    [health()[:43], health(texts=b""), health(texts=b"\3dsp"), health(texts=b"\3dsp\x0912")],
)
def test_health_of_another_length_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        Health.unpack(payload)


KERNEL = struct.pack("<BBHIii", 6, 1, 1, 45, -12, -11)
LAYERS = [Layer("in", "PAD", "pad", (4,), "int8"), Layer("t", "CONV_2D", "matrix", (8,), "int8")]


def test_a_layer_that_differs_from_the_reference_kernel_is_named() -> None:
    test = SelfTest.unpack(KERNEL)
    assert test == SelfTest(SelfTestStage.KERNEL, 1, 1, 45, -12, -11)
    told = Health.unpack(health(test=KERNEL))
    words = "layer 1 of golden case 1 gives -11 as byte 45, the reference kernel gives -12"
    assert words in describe_self_test(test, told, ())
    assert describe_self_test(test, told, LAYERS).endswith("(CONV_2D by the kernel matrix, t)")


def test_a_passed_test_says_whether_kernels_were_compared() -> None:
    told = Health.unpack(health())
    assert "reference kernels" in describe_self_test(told.self_test, told, LAYERS)
    plain = Health.unpack(bytes([0, 0, 0, 0]) + health()[4:])
    assert "reference kernels" not in describe_self_test(plain.self_test, plain, LAYERS)


NOTES = struct.pack("<4I", 0xAABBCCDD, 100, 2, 200)


def test_replies_of_a_trace() -> None:
    stages = StagesReply.unpack(struct.pack("<IHH", 9, 1, 3) + NOTES)
    assert (stages.clip, stages.first, stages.total) == (9, 1, 3)
    assert stages.notes == (Note(0xAABBCCDD, 100), Note(2, 200))
    steps = StepsReply.unpack(struct.pack("<IHHHH", 9, 4, 30, 49, 0) + NOTES)
    assert (steps.stage, steps.first, steps.total, len(steps.notes)) == (4, 30, 49, 2)
    data = GetReply.unpack(struct.pack("<IHHII", 9, 4, 30, 240, 245) + b"12345")
    assert (data.step, data.offset, data.total_bytes, data.data) == (30, 240, 245, b"12345")
    with pytest.raises(MalformedReplyError):
        StagesReply.unpack(struct.pack("<IHH", 9, 1, 3) + NOTES[:-1])


FRAMES, STEPS, TICKS_HZ = 4, 2, 1_000


class TimedBoard:
    """Each frame takes 1 + 2 + 3 + 5 ticks of the stages that count, a step 10 and then 30."""

    def trace_window(self, window: np.ndarray) -> tuple[WindowReply, bytes]:
        assert len(window) == 20
        notes = tuple(Note(0, ticks) for ticks in (1, 2, 3, 1_000, 5))
        return WindowReply(0, 0, 0, 0, 0, notes, b""), b""

    def run_clip(self, _pcm: np.ndarray) -> Any:
        return SimpleNamespace(ticks_frontend_sum=44, ticks_inference=40, frames=FRAMES)

    def trace_stages(self, _steps: int) -> list[Note]:
        return [Note(0, 0)] * len(Tail)

    def trace_steps(self, _stage: int) -> list[Note]:
        return [Note(0, 10), Note(0, 30)]

    def info(self) -> Any:
        return SimpleNamespace(window_samples=20, tick_unit="cycles", cpu_hz=168_000_000)


def test_times_have_unit_clock_and_percentiles() -> None:
    manifest = SimpleNamespace(
        sample_rate_hz=100, hop_samples=10, frames=FRAMES, targets={}, labels=("a", "b")
    )
    told = SimpleNamespace(ticks_hz=TICKS_HZ, kernels="none")
    bench: Any = SimpleNamespace(board=TimedBoard(), manifest=manifest, board_health=told)
    timing = measure(bench, [np.zeros(50, np.int16)], Silent())
    assert (timing.unit, timing.ticks_hz, timing.cpu_hz) == ("cycles", TICKS_HZ, 168_000_000)
    per_second = (44 + 40) * 10 / FRAMES
    assert timing.ticks_per_audio_s == per_second
    assert timing.load == per_second / TICKS_HZ
    rows = {row.stage: row for row in timing.stages}
    assert list(rows) == [
        *("window", "FFT", "power", "mel, logarithm"),
        *(tail.name.lower() for tail in Tail),
    ]
    assert (rows["FFT"].per, rows["FFT"].count, rows["FFT"].mean) == ("frame", FRAMES, 2)
    assert rows["mel, logarithm"].most == 5, "the energies are computed apart, for the trace alone"
    step = rows["scores"]
    assert (step.per, step.count, step.mean, step.p50, step.p99, step.most) == (
        "step",
        *(STEPS, 20, 30, 30, 30),
    )
