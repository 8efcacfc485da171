"""What the fake firmware (tests/firmware_build.py) must hear, and sounds for it."""

from __future__ import annotations

import numpy as np
from firmware_build import CONFIG, DETECT, GATE, SCORE_SCALE, STRIDE_FRAMES
from listening import (
    LOGITS,
    DetectSettings,
    GateSettings,
    Network,
    PlainDetection,
    PlainGate,
    PlainListener,
    exp_table,
)

from host_tools.link.listen_messages import HeardWord
from training.features import Frontend


def plain_listener(
    detect: DetectSettings = DETECT, gate: GateSettings = GATE, stride: int = STRIDE_FRAMES
) -> PlainListener:
    """What the fake firmware does, whose scores are the first features of the window."""
    classes = len(DETECT.thresholds)
    network = Network(CONFIG.frames, CONFIG.frames, 0, lambda frames: frames[0, :classes])
    detection = PlainDetection(LOGITS, exp_table(SCORE_SCALE).tolist(), detect)
    return PlainListener(network, stride, PlainGate(gate), detection)


def plain_words(listener: PlainListener, pcm: np.ndarray) -> list[HeardWord]:
    """The words in a recording."""
    words = []
    for index, frame in enumerate(Frontend(CONFIG).clip(pcm)):
        _, word = listener.take(frame)
        if word:
            sample = CONFIG.window_samples + index * CONFIG.hop_samples
            words.append(HeardWord(sample, word.class_index, word.average))
    return words


def many_sounds(seconds: float, seed: int = 1) -> np.ndarray:
    """Noise that changes its colour and loudness every 60 ms, int16: with many words in it."""
    rng = np.random.default_rng(seed)
    count = int(seconds * CONFIG.sample_rate_hz)
    pieces = []
    for _ in range(0, count, 960):
        noise = np.convolve(rng.normal(0, 1, 960), rng.normal(0, 1, 5), mode="same")
        pieces.append(noise * np.exp(rng.uniform(2, 9)))
    return np.clip(np.concatenate(pieces)[:count], -32_768, 32_767).astype(np.int16)
