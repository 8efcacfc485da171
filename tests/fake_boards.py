"""Boards of the kind that validation talks to, good and bad, and clips for them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from host_tools.labelled import LabelledClip, scan_labelled
from host_tools.link.messages import BoardInfo, ClipResult
from host_tools.manifest import Manifest

LABELS = ("yes", "no", "_unknown_")
FRAMES, BINS = 4, 3
MANIFEST = Manifest(
    path=Path("generated/manifest.json"),
    name="fake",
    model_hash="ab" * 32,
    labels=LABELS,
    sample_rate_hz=16_000,
    clip_samples=1_600,
    hop_samples=320,
    step_log2=0.125,
    frames=FRAMES,
    bins=BINS,
    arena_bytes=1,
    weights_bytes=1,
    macs=1,
)
INFO = BoardInfo(
    abi=1,
    classes=3,
    frames=FRAMES,
    bins=BINS,
    window_samples=400,
    hop_samples=400,
    rx_window_bytes=1024,
    cpu_hz=168_000_000,
    arena_bytes=1,
    stack_peak_bytes=900,
    rx_overruns=0,
    frames_received=0,
    frames_corrupt=0,
    clips_completed=0,
    model_hash=MANIFEST.model_hash,
    board="fake",
    backend="aot",
    tool_version="0",
    model_name="fake",
    tick_unit="instructions",
)


class FakeBoard:
    """Computes features and scores from the samples; counts the clips it was given."""

    def __init__(self) -> None:
        self.clips = 0
        self.last = np.zeros((FRAMES, BINS), np.int8)

    def compute(self, pcm: np.ndarray) -> np.ndarray:
        return pcm[: FRAMES * BINS].astype(np.int8).reshape(FRAMES, BINS)

    def answer(self, features: np.ndarray) -> ClipResult:
        scores = tuple(int(score) for score in features[0])
        return ClipResult(
            features_crc32=zlib.crc32(features.tobytes()),
            scores=scores,
            decision=int(np.argmax(scores)),
            frames=FRAMES,
            ticks_frontend_sum=400,
            ticks_frontend_max=110,
            ticks_inference=5_000,
        )

    def run_clip(self, pcm: np.ndarray) -> ClipResult:
        self.clips += 1
        self.last = self.compute(pcm)
        return self.answer(self.last)

    def features(self) -> np.ndarray:
        return self.last

    def info(self) -> BoardInfo:
        return INFO


class FlippedFeature(FakeBoard):
    def compute(self, pcm: np.ndarray) -> np.ndarray:
        features = super().compute(pcm)
        features[2, 1] += 1
        features[3, 2] += 1
        return features


class WrongChecksum(FakeBoard):
    def answer(self, features: np.ndarray) -> ClipResult:
        return replace(super().answer(features), features_crc32=7)


class WrongScore(FakeBoard):
    def answer(self, features: np.ndarray) -> ClipResult:
        good = super().answer(features)
        return replace(good, scores=(good.scores[0], good.scores[1] + 1, good.scores[2]))


class WrongDecision(FakeBoard):
    def answer(self, features: np.ndarray) -> ClipResult:
        return replace(super().answer(features), decision=0)


class Dying(FakeBoard):
    def __init__(self, after_clips: int, error: BaseException) -> None:
        super().__init__()
        self.after_clips = after_clips
        self.error = error

    def run_clip(self, pcm: np.ndarray) -> ClipResult:
        if self.clips == self.after_clips:
            raise self.error
        return super().run_clip(pcm)


def write_clips(folder: Path) -> Path:
    """Twelve clips of noise, six a word; the folder."""
    rng = np.random.default_rng(5)
    for label in ("yes", "no"):
        (folder / label).mkdir(parents=True)
        for n in range(6):
            samples = rng.integers(-20_000, 20_000, 1_600, dtype=np.int16)
            soundfile.write(folder / label / f"{n}.wav", samples, 16_000)
    return folder


def clips_of(data: Path) -> list[LabelledClip]:
    return list(scan_labelled(data, LABELS).clips)
