"""A board hears the streams of an evaluation: the words of the host program, at the same steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from speech import find_speech

from host_tools.boards import BOARDS
from host_tools.evaluation.conditions import CLEAN
from host_tools.evaluation.detector import Setting, is_word, setting
from host_tools.evaluation.noise import NoiseSource
from host_tools.evaluation.program import Program, build_program
from host_tools.evaluation.recordings import Recording, load_labelled
from host_tools.evaluation.relisten import Ears, on_boards
from host_tools.evaluation.streams import Renderer, Segment, plan_streams
from host_tools.link.device import Device
from host_tools.link.listen import Heard
from host_tools.manifest import Manifest, load_manifest
from host_tools.progress import Silent
from host_tools.rig import running_board

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
CLIPS = 12
LEAST_WORDS = 3


class FirstWordLost:
    """A board that does not tell the first word of a stream."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def change_settings(self, changes: Mapping[int, int]) -> None:
        self._device.change_settings(changes)

    def listen(self, pcm: np.ndarray) -> Heard:
        heard = self._device.listen(pcm)
        return Heard(heard.words[1:], heard.statistics)


def short_stream(
    recordings: list[Recording], manifest: Manifest, program: Program
) -> tuple[Ears, tuple[Segment, ...], Setting]:
    geometry, rate_hz = program.geometry, manifest.sample_rate_hz
    stride = geometry.stride_frames(0.1)
    words = [is_word(label) for label in manifest.labels]
    renderer = Renderer(recordings, NoiseSource([], rate_hz), rate_hz)
    # A low threshold, so that much is heard, and no smoothing, so that each step counts.
    one = setting(manifest.labels, 9_000, 0.0, geometry.step_seconds(stride))
    segments = plan_streams(recordings, rate_hz).segments
    return Ears(renderer, CLEAN, geometry, stride, words, 1.0), segments, one


def test_the_emulated_board_hears_in_a_stream_what_the_host_program_hears(
    shared_data: Path | None, tmp_path: Path
) -> None:
    speech = find_speech(shared_data, tmp_path)
    print(f"heard: {speech.source}")
    manifest = load_manifest(GENERATED)
    recordings = load_labelled(
        speech.folder, manifest, limit=CLIPS, skip_unreadable=False, progress=Silent()
    )
    program = build_program(GENERATED, ROOT)
    ears, segments, one = short_stream(recordings, manifest, program)
    with running_board(BOARDS["stm32f405"], GENERATED, ROOT, Silent(), icount=True) as device:
        heard = on_boards([device], program, one, ears, segments)
        lost = on_boards([FirstWordLost(device)], program, one, ears, segments[:1])
    assert heard.stretches == len(segments) > 0
    assert heard.differing == 0
    assert heard.words >= LEAST_WORDS
    assert heard.figures.miss.trials == sum(ears.words[one.label] for one in recordings)
    seconds = sum(segment.samples for segment in segments) / manifest.sample_rate_hz
    assert heard.hours * 3600 == pytest.approx(seconds)
    assert lost.differing == 1
