"""The firmware takes a streaming model's steps clip by clip, over a good line and a bad one."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from firmware_build import build_around, running
from interpreters import NN_SOURCES

from host_tools.link.device import Device
from host_tools.link.exchange import LinkTiming
from host_tools.link.faulty import LINE_FAULTS, FaultPlan, FaultyTransport
from host_tools.link.transport import open_transport
from host_tools.link.twin_messages import Tail
from training.export import export_model
from training.export.bench_model import temporal_model
from training.export.reference import run_reference
from training.features import Frontend
from training.recipe import FrontendConfig

ROOT = Path(__file__).resolve().parents[2]
CONFIG = FrontendConfig()
LABELS = [f"word {i}" for i in range(12)]
PATIENT = LinkTiming(answer_timeout_s=0.05, attempts=100)
CLIPS = 3


def _clips(seed: int) -> np.ndarray:
    """Noise of several strengths, int16[CLIPS, samples]."""
    rng = np.random.default_rng(seed)
    strengths = np.array([[300], [3_000], [20_000]])
    return (rng.uniform(-1, 1, (CLIPS, CONFIG.clip_samples)) * strengths).astype(np.int16)


@pytest.fixture(scope="module")
def tflite() -> bytes:
    return temporal_model(8, 12)


@pytest.fixture(scope="module")
def firmware(tflite: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host's firmware around the streaming model, with ASan and UBSan."""
    folder = tmp_path_factory.mktemp("stream_firmware")
    export_model(
        tflite,
        name="stream",
        labels=LABELS,
        frontend=CONFIG,
        golden_pcm=_clips(1),
        out_dir=folder / "generated",
        streaming="always",
    )
    sources = [ROOT / "firmware/src", ROOT / "firmware/ports/host"]
    mains = [path for source in sources for path in source.glob("*.c")]
    return build_around(folder / "generated", [*mains, *NN_SOURCES], folder / "firmware.elf")


@pytest.fixture
def board_url(firmware: Path) -> Iterator[str]:
    with running(firmware) as url:
        yield url


def test_each_clip_begins_without_a_past(board_url: str, tflite: bytes) -> None:
    frontend = Frontend(CONFIG)
    clips = _clips(2)
    features = frontend.batch(clips)
    expected = run_reference(tflite, features)
    assert len(np.unique(expected, axis=0)) == CLIPS
    with Device.open(board_url) as device:
        assert device.self_test().passed
        assert device.info().frames == CONFIG.frames
        for index in (0, 1, 2, 1, 0):
            result = device.run_clip(clips[index])
            assert result.scores == tuple(expected[index].tolist())
            assert result.frames == CONFIG.frames
            assert result.features_crc32 == zlib.crc32(features[index].tobytes())
            np.testing.assert_array_equal(device.features(), features[index])
            other = (index + 1) % CLIPS
            assert device.infer(features[other]).scores == tuple(expected[other].tolist())


def test_lost_and_repeated_pieces_take_no_step_twice(board_url: str, tflite: bytes) -> None:
    clips = _clips(3)
    features = Frontend(CONFIG).batch(clips)
    expected = run_reference(tflite, features)
    plan = FaultPlan(list(LINE_FAULTS), probability=0.1)
    transport = FaultyTransport(
        open_transport(board_url), random.Random(4), to_board=plan, from_board=plan
    )
    with Device(transport, PATIENT) as device:
        for index in range(CLIPS):
            assert device.run_clip(clips[index]).scores == tuple(expected[index].tolist())
            assert device.infer(features[index]).scores == tuple(expected[index].tolist())


def test_a_trace_is_the_same_over_a_bad_line_and_shows_what_the_clip_gave(board_url: str) -> None:
    clip = _clips(6)[1]
    plan = FaultPlan(list(LINE_FAULTS), probability=0.1)
    with Device.open(board_url) as device:
        result, hashes = device.trace_clip(clip)
        stages = device.trace_stages(CONFIG.frames)
        features = device.features()
        _, first_frame = device.trace_window(clip[: CONFIG.window_samples])
    assert np.frombuffer(first_frame, np.int8).tolist() == features[0].tolist()
    assert max(hashes) == CONFIG.frames
    transport = FaultyTransport(
        open_transport(board_url), random.Random(7), to_board=plan, from_board=plan
    )
    with Device(transport, PATIENT) as device:
        again, more = device.trace_clip(clip)
        assert again.scores == result.scores
        assert all(more[frames] == hashes[frames] for frames in set(more) & set(hashes))
        assert more[CONFIG.frames] == hashes[CONFIG.frames]
        anew = device.trace_stages(CONFIG.frames)
        assert [note.crc32 for note in anew] == [note.crc32 for note in stages]
        layers = len(stages) - len(Tail)
        last_step = len(device.trace_steps(layers)) - 1
        shown = {tail: device.trace_stage(layers + tail, last_step) for tail in Tail}
    assert np.frombuffer(shown[Tail.SCORES], np.int8).tolist() == list(result.scores)
    assert shown[Tail.DECISION][0] == result.decision


def test_a_self_test_between_pieces_forgets_the_clip_and_its_state(
    board_url: str, tflite: bytes
) -> None:
    clips = _clips(5)
    expected = run_reference(tflite, Frontend(CONFIG).batch(clips))
    with Device.open(board_url) as device:
        for index in range(CLIPS):
            assert device.self_test().passed
            assert device.run_clip(clips[index]).scores == tuple(expected[index].tolist())
