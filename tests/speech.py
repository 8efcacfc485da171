"""Speech for tests: real recordings where there are any, otherwise a small spoken corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.audio.synth import synthesise
from training.progress import Silent
from training.recipe import SynthesisConfig, WordsConfig

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
RECORDINGS = "speech_commands_v0.02_test"
SPOKEN_CLIPS_PER_WORD = 12
SPOKEN_SPEAKERS = 6


@dataclass(frozen=True)
class Speech:
    """A folder in the layout of the Speech Commands test set, with twelve classes."""

    folder: Path
    words: WordsConfig
    source: str
    """"recordings" or "synthesised": say it in what the test prints."""


def find_speech(shared_data: Path | None, made_in: Path) -> Speech:
    """Recordings in the fixture `shared_data`; without them a corpus spoken into `made_in`."""
    words = WordsConfig(keywords=KEYWORDS)
    if shared_data is not None and (shared_data / RECORDINGS).is_dir():
        return Speech(shared_data / RECORDINGS, words, "recordings")
    return Speech(speak(made_in, words), words, "synthesised")


def speak(folder: Path, words: WordsConfig, seed: int = 1) -> Path:
    """Speak a few one-second clips of every class at 16 kHz into `folder`."""
    synthesise(
        words,
        SynthesisConfig(clips_per_word=SPOKEN_CLIPS_PER_WORD, speakers=SPOKEN_SPEAKERS),
        folder,
        sample_rate_hz=16_000,
        clip_samples=16_000,
        seed=seed,
        progress=Silent(),
    )
    return folder
