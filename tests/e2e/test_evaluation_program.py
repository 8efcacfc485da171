"""The evaluation program gives the host twin's scores, and its detector the listener's events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from speech import Speech, find_speech

from host_tools.audio import fit_length
from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.emulator import start
from host_tools.errors import SottoError
from host_tools.evaluation.conditions import CLEAN
from host_tools.evaluation.det import sweep
from host_tools.evaluation.detector import (
    ONE_Q15,
    Setting,
    grid,
    listen,
    replay,
    setting,
    thresholds_q15,
)
from host_tools.evaluation.noise import NoiseSource
from host_tools.evaluation.program import Program, build_program, run_program
from host_tools.evaluation.recordings import Recording, load_labelled
from host_tools.evaluation.streams import Placed, Renderer, Segment, plan_streams
from host_tools.link.device import Device
from host_tools.manifest import Manifest, load_manifest
from host_tools.progress import Silent

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
CLIPS = 60
STRIDE_FRAMES = 5


@pytest.fixture(scope="module")
def program() -> Program:
    return build_program(GENERATED, ROOT)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load_manifest(GENERATED)


@pytest.fixture(scope="module")
def speech(shared_data: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Speech:
    found = find_speech(shared_data, tmp_path_factory.mktemp("speech"))
    print(f"heard: {found.source}")
    return found


@pytest.fixture(scope="module")
def recordings(speech: Speech, manifest: Manifest) -> list[Recording]:
    return load_labelled(
        speech.folder, manifest, limit=CLIPS, skip_unreadable=False, progress=Silent()
    )


@pytest.fixture(scope="module")
def stretches(recordings: Sequence[Recording], manifest: Manifest) -> list[np.ndarray]:
    rate_hz = manifest.sample_rate_hz
    renderer = Renderer(recordings, NoiseSource([], rate_hz), rate_hz)
    plan = plan_streams(recordings, rate_hz)
    return [renderer.samples(segment, CLEAN) for segment in plan.segments]


@pytest.fixture(scope="module")
def twin() -> Iterator[Device]:
    board = BOARDS["host"]
    elf = build(board, GENERATED, ROOT).elf
    with start(board, elf) as running, Device.open(running.url) as device:
        yield device


def test_scores_are_those_of_the_twin(
    program: Program, recordings: Sequence[Recording], twin: Device
) -> None:
    clips = [fit_length(one.pcm, program.geometry.clip_samples) for one in recordings]
    scores = program.clips(clips)
    assert len(np.unique(scores, axis=0)) > CLIPS // 2
    for clip, row in zip(clips, scores, strict=True):
        assert list(row) == list(twin.run_clip(clip).scores)


def test_a_stream_scores_every_window_as_a_clip_of_its_own(
    program: Program, stretches: Sequence[np.ndarray]
) -> None:
    geometry = program.geometry
    pcm = stretches[0][: 10 * geometry.sample_rate_hz]
    stride = geometry.stride_frames(STRIDE_FRAMES * geometry.step_seconds(1))
    (scores,) = program.stream([pcm], stride)
    ends = geometry.step_end_sample(np.arange(len(scores)), stride)
    assert ends[-1] <= pcm.size < ends[-1] + stride * geometry.hop_samples
    if geometry.streaming:  # remembers more than a window: only the first step has no other past
        scores, ends = scores[:1], ends[:1]
    window = int(ends[0])
    assert np.array_equal(scores, program.clips([pcm[end - window : end] for end in ends]))


def test_recordings_have_no_past(program: Program, stretches: Sequence[np.ndarray]) -> None:
    short = np.zeros(program.geometry.window_samples, np.int16)
    stride = program.geometry.stride_frames(0.1)
    first = program.stream([stretches[0]], stride)
    again = program.stream([stretches[-1], short, stretches[0]], stride)
    assert np.array_equal(first[0], again[2])
    assert again[1].shape == (0, program.geometry.classes)


def test_replayed_scores_give_the_events_of_the_listener(
    program: Program, manifest: Manifest, stretches: Sequence[np.ndarray]
) -> None:
    stride = program.geometry.stride_frames(0.1)
    step_s = program.geometry.step_seconds(stride)
    scores = program.stream(stretches, stride)
    heard = 0
    for threshold, smoothing_s in ((8_000, 0.0), (20_000, 0.2), (32_000, 0.4)):
        one = setting(manifest.labels, threshold, smoothing_s, step_s)
        replayed = [runs[0] for runs in replay(program, [one], scores)]
        listened = listen(program, one, stretches, stride)
        assert replayed == [found.events for found in listened]
        assert [found.work.steps for found in listened] == list(map(len, scores))
        heard += sum(map(len, replayed))
    assert heard > 30


def test_the_gate_sleeps_in_silence_and_its_work_is_told(
    program: Program, manifest: Manifest, stretches: Sequence[np.ndarray]
) -> None:
    stride = program.geometry.stride_frames(0.1)
    one = setting(manifest.labels, 20_000, 0.2, program.geometry.step_seconds(stride))
    silence = np.zeros(20 * manifest.sample_rate_hz, np.int16)
    margin = 24
    quiet, loud = listen(program, one, [silence, stretches[0]], stride, margin)
    assert quiet.events == []
    assert quiet.work.steps_skipped > 0.8 * quiet.work.steps
    assert quiet.work.invokes < 0.3 * quiet.work.steps
    assert 0 < loud.work.steps_skipped < loud.work.steps
    (open_gate,) = listen(program, one, [silence], stride)
    assert (open_gate.work.steps_skipped, open_gate.work.frames) == (0, quiet.work.frames)


def test_a_sweep_is_its_settings_one_by_one(
    program: Program, manifest: Manifest, stretches: Sequence[np.ndarray]
) -> None:
    stride = program.geometry.stride_frames(0.1)
    settings = grid(manifest.labels, program.geometry.step_seconds(stride))[::17]
    scores = program.stream(stretches, stride)
    together = replay(program, settings, scores)
    for number, one in enumerate(settings):
        alone = [runs[0] for runs in replay(program, [one], scores)]
        assert [runs[number] for runs in together] == alone


@pytest.mark.parametrize(
    ("arguments", "request_bytes", "words"),
    [
        (["stream", "0"], b"", "cannot run with that stride"),
        (["stream", "1000"], b"", "cannot run with that stride"),
        (["clips"], b"\x05\0\0\0\1", "ends too early"),
        (["clips"], b"\x05\0", "ends within a count"),
        (["replay"], b"\0\0\0\0", "no settings, or too many"),
        (["sing"], b"", "usage:"),
    ],
)
def test_the_program_says_what_is_wrong(
    program: Program, arguments: list[str], request_bytes: bytes, words: str
) -> None:
    with pytest.raises(SottoError, match=words):
        run_program(program.path, arguments, request_bytes)


def test_a_setting_out_of_range_is_refused(program: Program, manifest: Manifest) -> None:
    wrong = Setting(0, 0, 0, (20_000,) * len(manifest.labels))
    scores = np.zeros((3, len(manifest.labels)), np.int8)
    with pytest.raises(SottoError, match="out of its range"):
        replay(program, [wrong], [scores])
    with pytest.raises(SottoError, match="out of its range"):
        listen(program, wrong, [], program.geometry.stride_frames(0.1))


def test_an_unchanged_model_is_not_built_again(program: Program) -> None:
    before = program.path.stat().st_mtime_ns
    assert build_program(GENERATED, ROOT) == program
    assert program.path.stat().st_mtime_ns == before


def test_a_folder_without_front_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SottoError, match="no generated model"):
        build_program(tmp_path, ROOT)
    (tmp_path / "sotto_model.h").touch()
    with pytest.raises(SottoError, match="without front-end tables"):
        build_program(tmp_path, ROOT)
    (tmp_path / "sotto_frontend_tables.h").touch()
    with pytest.raises(SottoError, match="does not compile"):
        build_program(tmp_path, ROOT)


def peaks(classes: int, steps: int, label: int, middles: Sequence[int]) -> np.ndarray:
    """Scores in which one class rises over the last one here and there, to another height each."""
    rng = np.random.default_rng(5)
    scores = np.full((steps, classes), -60)
    scores[:, -1] = 30
    for middle in middles:
        height = int(rng.integers(-60, 100))
        for away in range(4):
            scores[[middle - away, middle + away], label] = max(-60, height - 15 * away)
    return scores.astype(np.int8)


def test_the_curve_falls_with_the_threshold_and_is_what_counting_gives(
    program: Program, manifest: Manifest
) -> None:
    """Every second peak stands in a word, the others where nothing was said."""
    geometry, label = program.geometry, 0
    stride = geometry.stride_frames(0.1)
    apart = round(2.0 / geometry.step_seconds(stride))  # more than a word and its tolerance
    steps = 80 * apart
    middles = range(apart // 2, steps, apart)
    scores = peaks(geometry.classes, steps, label, middles)
    times = [int(geometry.step_end_sample(step, stride)) for step in range(len(scores))]
    pcm = np.full(6 * stride * geometry.hop_samples, 1_000, np.int16)
    words = [Recording(f"{n}.wav", label, None, pcm) for n in range(len(middles) // 2)]
    placed = tuple(
        Placed(n, times[middle] - pcm.size // 2, pcm.size) for n, middle in enumerate(middles[::2])
    )
    segment = Segment(0, 0, times[-1], placed)
    renderer = Renderer(words, NoiseSource([], geometry.sample_rate_hz), geometry.sample_rate_hz)
    every = tuple(label == number for number in range(geometry.classes))
    settings = [
        Setting(1, 0, 0, tuple(threshold if word else 0 for word in every))
        for threshold in thresholds_q15()
    ]
    found = sweep(
        program,
        settings,
        renderer,
        [segment],
        [scores],
        words=every,
        stride_frames=stride,
        passes=1.0,
        jobs=2,
    )
    posteriors = softmax(json.loads(manifest.path.read_text())["output"]["scale"] * scores, axis=1)
    counts = []
    for index, one in enumerate(settings):
        over = [
            ONE_Q15 * posteriors[middle, label] - one.threshold_q15[label] for middle in middles
        ]
        if min(map(abs, over)) < geometry.classes:
            continue  # the fixed-point posterior may lie on the other side
        figures = found.figures(index, 0)
        assert figures.miss.hits == sum(value < 0 for value in over[::2])
        assert figures.false_accepts.events == sum(value >= 0 for value in over[1::2])
        counts.append((figures.miss.hits, figures.false_accepts.events))
    assert len(counts) > len(settings) // 2
    misses, false = zip(*counts, strict=True)
    assert list(misses) == sorted(misses)
    assert list(false) == sorted(false, reverse=True)
    assert misses[0] < misses[-1]
    assert false[0] > false[-1]
