"""Mistakes are looked for in the training part of the other speech, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.progress import Silent
from training.recipe import FrontendConfig, Recipe, WordsConfig
from training.words import mining

RATE_HZ = 16_000
SAMPLES = 16_000
RECIPE = Recipe("mine", WordsConfig(("alexa",)), frontend=FrontendConfig(clip_samples=SAMPLES))


class _FiresOnLoudness:
    """Stands for a network: the share of samples above 10,000 is its probability."""

    def __init__(self, recipe: Recipe, tflite: bytes) -> None:
        pass

    def firing(self, stream: np.ndarray, starts: np.ndarray) -> np.ndarray:
        return np.array([np.mean(stream[s : s + SAMPLES] > 10_000) for s in starts])


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stream of six windows that is loud in the middle, and loud clips that do not train."""
    monkeypatch.setattr(mining, "_Judge", _FiresOnLoudness)
    folder = tmp_path / "_unknown_"
    folder.mkdir()
    stream = np.zeros(7 * SAMPLES // 2, np.int16)
    stream[20_000:32_000] = 12_000
    for index in range(6):
        window = stream[index * SAMPLES // 2 :][:SAMPLES]
        soundfile.write(folder / f"~_train_nohash_{index}.wav", window, RATE_HZ)
    loud = np.full(SAMPLES, 20_000, np.int16)
    soundfile.write(folder / "~_test_nohash_0.wav", loud, RATE_HZ)
    soundfile.write(folder / "hey_en+m2_nohash_0.wav", loud, RATE_HZ)
    soundfile.write(folder / "hey_en+m1_nohash_0.wav", loud // 8, RATE_HZ)
    (tmp_path / "testing_list.txt").write_text("_unknown_/~_test_nohash_0.wav\n")
    (tmp_path / "validation_list.txt").write_text("_unknown_/hey_en+m2_nohash_0.wav\n")
    return tmp_path


def test_what_fires_is_found_between_the_windows(training: Path) -> None:
    found = mining.mistaken_clips(RECIPE, b"", training, Silent())
    assert found.dtype == np.int16
    assert found.shape[1] == SAMPLES
    assert np.mean(found[0] > 10_000) == pytest.approx(0.75)  # the whole loud stretch
    assert found.max() == 12_000  # nothing of the test
    firing = [np.mean(clip > 10_000) for clip in found]
    assert firing == sorted(firing, reverse=True)
    assert min(firing) >= mining.FIRING


def test_no_more_than_asked_for_and_none_where_nothing_fires(
    training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mining, "MOST_CLIPS", 1)
    assert len(mining.mistaken_clips(RECIPE, b"", training, Silent())) == 1
    monkeypatch.setattr(mining, "FIRING", 0.9)
    assert mining.mistaken_clips(RECIPE, b"", training, Silent()).shape == (0, SAMPLES)


def test_peaks_are_apart() -> None:
    firing = np.array([0.5, 0.9, 0.8, 0.1, 0.7, 0.4])
    assert mining._peaks(firing, apart=2) == [1, 4]
    assert mining._peaks(firing, apart=1) == [1, 2, 4, 0, 5]
