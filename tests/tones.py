"""A recipe of two "words" that are tones, and its recordings, small enough to train in seconds."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RECIPE = """
name = "tones"
[words]
keywords = ["low", "high"]
unknown = false
silence = false
[data]
validation_percent = 20
test_percent = 30
[frontend]
clip_samples = 8000
[augment]
passes = 2
mix_passes = 1
[[teachers]]
width = 10
blocks = 1
epochs = 2
batch_clips = 8
[student]
width = 6
blocks = 1
epochs = 2
batch_clips = 8
"""


def write_tones(root: Path) -> Path:
    """Put `tones.toml` there, and `words/` with the clips of ten speakers; returns the folder."""
    (root / "tones.toml").write_text(RECIPE)
    rng = np.random.default_rng(1)
    for word, pitch_hz in (("low", 200.0), ("high", 1_500.0)):
        (root / "words" / word).mkdir(parents=True)
        for speaker in range(10):
            tone = 8_000 * np.sin(2 * np.pi * pitch_hz * np.arange(8_000) / 16_000)
            path = root / "words" / word / f"s{speaker:02d}_nohash_0.wav"
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, 16_000, 0, "NONE", ""))
                file.writeframes((tone + rng.normal(0.0, 300.0, 8_000)).astype("<i2").tobytes())
    return root
