"""Sounds that need no recordings."""

from __future__ import annotations

import itertools

import numpy as np
import soxr

from training.audio.espeak import ACCENTS, Voice, speak

CLOCK_HZ = 16_000
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
PEOPLE = ("f2", "m3", "Annie", "linda", "m1", "f4")
PAUSE = 6_000
"""Samples before a word, and as many after it."""


def sounds(seconds: int) -> np.ndarray:
    """The shipped model's words, spoken, int16[seconds * rate]; it hears about half of them."""
    wanted, parts = seconds * CLOCK_HZ, [np.zeros(0, np.float32)]
    spoken = itertools.product(PEOPLE, WORDS)
    while sum(map(len, parts)) < wanted:
        person, word = next(spoken)
        accent = ACCENTS[len(parts) % len(ACCENTS)]
        speech, rate_hz = speak(word, Voice(accent, person, 150, 50, 50))
        samples = soxr.resample(speech.astype(np.float32), rate_hz, CLOCK_HZ)
        parts.append(np.pad(samples, PAUSE))
    pcm = 0.5 * np.concatenate(parts)[:wanted]
    noise = np.random.default_rng(12).normal(0.0, 20.0, wanted)
    return (pcm + noise).round().clip(-32_768, 32_767).astype(np.int16)
