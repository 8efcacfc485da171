"""Clips on boards: several at a time, in their order, and none twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from host_tools.evaluation.board import BoardListener
from host_tools.evaluation.conditions import CLEAN, Condition
from host_tools.evaluation.noise import NoiseSource
from host_tools.evaluation.recordings import Recording
from host_tools.evaluation.store import ScoreStore
from host_tools.manifest import load_manifest
from host_tools.progress import Silent

MANIFEST = load_manifest(Path(__file__).resolve().parents[2] / "generated")
CLIPS = 12


@dataclass
class FakeBoard:
    """Its scores are the first samples of the clip."""

    heard: list[int] = field(default_factory=list)

    def run_clip(self, pcm: np.ndarray) -> SimpleNamespace:
        self.heard.append(int(pcm[0]))
        return SimpleNamespace(scores=tuple(int(one) for one in pcm[: len(MANIFEST.labels)]))


def test_boards_share_the_clips_and_hear_none_again(tmp_path: Path) -> None:
    boards = [FakeBoard(), FakeBoard()]
    pcm = np.arange(CLIPS * MANIFEST.clip_samples, dtype=np.int64).reshape(CLIPS, -1) % 100
    recordings = [
        Recording(f"{n}.wav", 0, None, np.roll(clip, n).astype(np.int16))
        for n, clip in enumerate(pcm)
    ]
    noises = NoiseSource([], MANIFEST.sample_rate_hz)

    def listener(firmware: str) -> BoardListener:
        return BoardListener(boards, firmware, MANIFEST, ScoreStore(tmp_path), Silent())

    first = listener("a")
    scores = first.clips(recordings, CLEAN, noises)
    expected = [one.pcm[: len(MANIFEST.labels)] for one in recordings]
    assert np.array_equal(scores, np.array(expected))
    assert sum(len(board.heard) for board in boards) == CLIPS
    assert first.work.audio_s == CLIPS * MANIFEST.clip_samples / MANIFEST.sample_rate_hz

    again = listener("a")
    assert np.array_equal(again.clips(recordings, CLEAN, noises), scores)
    assert again.work.times_real_time is None
    assert sum(len(board.heard) for board in boards) == CLIPS
    listener("b").clips(recordings[:3], Condition(gain_db=-6.0), noises)
    assert sum(len(board.heard) for board in boards) == CLIPS + 3
