"""Training and host tools read files on two sides of a law; they must hear the same samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from host_tools import audio
from training.audio import readers
from training.errors import UserError

WANTED_HZ = 16_000


def speech_like(seconds: float, rate_hz: int, channels: int) -> np.ndarray:
    """float64[n, channels]: a burst of a few tones that clips at its peak."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    burst = np.exp(-(((time_s - 0.6 * seconds) / (0.15 * seconds)) ** 2))
    tones = [np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 1_330.0, 3_100.0)]
    mono = 0.7 * burst * np.sum(tones, axis=0)
    return np.stack([mono * (1 - 0.3 * channel) for channel in range(channels)], axis=1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        (".wav", "PCM_16"),
        (".wav", "PCM_U8"),
        (".wav", "PCM_24"),
        (".wav", "FLOAT"),
        (".flac", "PCM_16"),
    ],
)
def test_same_samples(
    tmp_path: Path, suffix: str, subtype: str, rate_hz: int, channels: int
) -> None:
    path = tmp_path / f"clip{suffix}"
    soundfile.write(path, speech_like(0.7, rate_hz, channels), rate_hz, subtype=subtype)
    ours = audio.read_clip(path, WANTED_HZ)
    assert ours.dtype == np.int16
    assert np.abs(ours).max() > 20_000
    np.testing.assert_array_equal(ours, readers.read_clip(path, WANTED_HZ))


@pytest.mark.parametrize("length", [1, 15_999, 16_000, 16_001, 40_000])
@pytest.mark.parametrize("seed", range(4))
def test_same_stretch_of_any_length(length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pcm = rng.integers(-300, 300, length, dtype=np.int16)
    start = int(rng.integers(0, length))
    pcm[start : start + 4_000] *= 60
    ours = audio.fit_length(pcm, 16_000)
    assert ours.shape == (16_000,)
    np.testing.assert_array_equal(ours, readers.fit_length(pcm, 16_000))


def damaged_files(folder: Path) -> dict[str, Path]:
    whole = folder / "whole.wav"
    soundfile.write(whole, speech_like(0.3, WANTED_HZ, 1), WANTED_HZ)
    names = ("cut", "nonsense", "empty", "nan", "no samples", "missing")
    paths = {name: folder / f"{name}.wav" for name in names}
    paths["cut"].write_bytes(whole.read_bytes()[:-100])
    paths["nonsense"].write_bytes(b"RIFF and then nothing of use")
    paths["empty"].write_bytes(b"")
    soundfile.write(paths["nan"], np.full(100, np.nan), WANTED_HZ, subtype="FLOAT")
    soundfile.write(paths["no samples"], np.empty(0), WANTED_HZ)
    return paths


@pytest.mark.parametrize("name", ["cut", "nonsense", "empty", "nan", "no samples", "missing"])
def test_same_refusals(tmp_path: Path, name: str) -> None:
    path = damaged_files(tmp_path)[name]
    with pytest.raises(audio.UnreadableClipError, match=path.name):
        audio.read_clip(path, WANTED_HZ)
    with pytest.raises(UserError, match=path.name):
        readers.read_clip(path, WANTED_HZ)


def test_same_files_count_as_audio(tmp_path: Path) -> None:
    assert audio.AUDIO_SUFFIXES == readers.AUDIO_SUFFIXES
    assert audio.MAX_CLIP_S == readers.MAX_CLIP_S
    for name in ("a.wav", "b.WAV", "c.flac", "._d.wav", "e.txt", "f.wav.wav", "g.ogg"):
        (tmp_path / name).touch()
    theirs = sorted(path for path in tmp_path.iterdir() if readers.is_audio(path))
    assert audio.audio_files(tmp_path) == theirs


def test_real_recordings(shared_data: Path | None, tmp_path: Path) -> None:
    if shared_data is None:
        soundfile.write(tmp_path / "made.wav", speech_like(3.0, 44_100, 2), 44_100)
    files = sorted((shared_data or tmp_path).rglob("*.wav"))[::97]
    assert files
    for path in files:
        pcm = audio.read_clip(path, WANTED_HZ)
        theirs = readers.fit_length(readers.read_clip(path, WANTED_HZ), 16_000)
        np.testing.assert_array_equal(audio.fit_length(pcm, 16_000), theirs)
