"""Any audio file becomes mono int16 at the wanted rate, or an error that names it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.audio import readers
from training.audio.readers import fit_length, is_audio, read_clip, to_int16
from training.errors import UserError

RATE_HZ = 16_000


def tone(rate_hz: int, seconds: float, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2.0 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)


def loudest_hz(pcm: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(pcm.size)))
    return float(np.argmax(spectrum)) * RATE_HZ / pcm.size


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_file_that_fits_is_returned_sample_for_sample(tmp_path: Path, suffix: str) -> None:
    pcm = np.random.default_rng(0).integers(-32_768, 32_768, 16_000).astype(np.int16)
    path = tmp_path / f"clip{suffix}"
    soundfile.write(path, pcm, RATE_HZ, subtype="PCM_16")
    read = read_clip(path, RATE_HZ)
    assert read.dtype == np.int16
    assert np.array_equal(read, pcm)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rate_hz=st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000]),
    subtype=st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"]),
    channels=st.integers(1, 6),
    seconds=st.floats(0.25, 1.5),
)
def test_rate_depth_and_channels_do_not_matter(
    tmp_path: Path, rate_hz: int, subtype: str, channels: int, seconds: float
) -> None:
    path = tmp_path / "clip.wav"
    mono = tone(rate_hz, seconds)
    soundfile.write(path, np.tile(mono[:, None], channels), rate_hz, subtype=subtype)
    read = read_clip(path, RATE_HZ)
    assert read.dtype == np.int16
    assert abs(read.size - mono.size * RATE_HZ / rate_hz) <= 1
    assert abs(loudest_hz(read) - 440.0) <= 2.0 * RATE_HZ / read.size
    middle = read[read.size // 4 : -read.size // 4]
    assert 0.48 < np.abs(middle).max() / 32_768.0 < 0.52


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    left = np.full(100, 1_000, np.int16)
    soundfile.write(path, np.stack([left, -left // 2], axis=1), RATE_HZ, subtype="PCM_16")
    assert set(read_clip(path, RATE_HZ)) == {250}


def test_full_scale_saturates() -> None:
    assert list(to_int16(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))) == [
        -32_768,
        -32_768,
        0,
        32_767,
        32_767,
    ]


def cut_wav(path: Path) -> None:
    soundfile.write(path, np.zeros(16_000, np.int16), RATE_HZ, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:5_000])


def nan_wav(path: Path) -> None:
    soundfile.write(path, np.array([0.0, np.nan], np.float32), RATE_HZ, subtype="FLOAT")


def damaged_flac(path: Path) -> None:
    noise = np.random.default_rng(0).integers(-9_000, 9_000, 32_000).astype(np.int16)
    soundfile.write(path, noise, RATE_HZ, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2_000] = bytes(2_000)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "make", "cause"),
    [
        ("missing.wav", lambda path: None, "there is no such file"),
        ("empty.wav", lambda path: path.write_bytes(b""), "the file is empty"),
        ("text.wav", lambda path: path.write_text("this is not audio"), "not recogni"),
        ("random.flac", lambda path: path.write_bytes(bytes(range(256)) * 9), "not recogni"),
        ("cut.wav", cut_wav, "cut off: 4956 of 32000 bytes"),
        ("nan.wav", nan_wav, "not numbers"),
        ("damaged.flac", damaged_flac, "flac decoder lost sync"),
        (
            "none.wav",
            lambda path: soundfile.write(path, np.zeros(0, np.int16), RATE_HZ),
            "holds no samples",
        ),
        ("folder.wav", lambda path: path.mkdir(), "folder.wav"),
    ],
)
def test_a_bad_file_is_named_with_its_cause(
    tmp_path: Path, name: str, make: object, cause: str
) -> None:
    path = tmp_path / name
    make(path)  # type: ignore[operator]
    with pytest.raises(UserError) as caught:
        read_clip(path, RATE_HZ)
    assert name in caught.value.message
    assert cause in caught.value.message
    assert caught.value.remedy


def test_a_wav_of_unknown_length_from_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "streamed.wav"
    soundfile.write(path, np.full(1_000, 7, np.int16), RATE_HZ, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert np.array_equal(read_clip(path, RATE_HZ), np.full(1_000, 7, np.int16))


def test_a_very_long_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_CLIP_S", 10)
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(30 * RATE_HZ, np.int16), RATE_HZ, subtype="PCM_16")
    with pytest.raises(UserError, match="longer than 10 seconds"):
        read_clip(path, RATE_HZ)


def test_names_that_look_like_audio() -> None:
    audio = {
        name for name in ("a.wav", "b.FLAC", "c.ogg", "d.txt", "._e.wav") if is_audio(Path(name))
    }
    assert audio == {"a.wav", "b.FLAC", "c.ogg"}


@settings(deadline=None)
@given(length=st.integers(1, 400), wanted=st.integers(1, 400))
def test_any_length_is_fitted(length: int, wanted: int) -> None:
    pcm = np.arange(1, length + 1).astype(np.int16)
    fitted = fit_length(pcm, wanted)
    assert fitted.shape == (wanted,)
    assert fitted.dtype == np.int16
    kept = fitted[fitted != 0]
    assert kept.size == min(length, wanted)
    assert np.array_equal(np.diff(kept), np.ones(kept.size - 1))


@settings(deadline=None)
@given(start=st.integers(0, 47_000 - 8_000))
def test_the_word_in_a_long_recording_is_found(start: int) -> None:
    """The clip is the middle one of those that hold the whole word."""
    rng = np.random.default_rng(start)
    pcm = rng.integers(-30, 31, 47_000).astype(np.int16)
    pcm[start : start + 8_000] = rng.integers(-9_000, 9_000, 8_000)
    fitted = fit_length(pcm, 16_000)
    loud = np.flatnonzero(np.abs(fitted) > 100)
    assert loud[-1] - loud[0] > 7_900
    earliest, latest = max(0, start + 8_000 - 16_000), min(start, 47_000 - 16_000)
    assert abs((start - loud[0]) - (earliest + latest) / 2.0) < 200
