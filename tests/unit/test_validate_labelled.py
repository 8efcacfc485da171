"""Which files of a folder count as which label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from host_tools.errors import SottoError
from host_tools.labelled import check_readable, scan_labelled
from host_tools.progress import Silent
from host_tools.statistics import wilson_interval
from host_tools.survey import survey

LABELS = ("yes", "no", "_unknown_", "_silence_")


def clip(path: Path, rate_hz: int = 16_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(rate_hz // 10, 100, np.int16), rate_hz)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in (
        "yes/0a7c2a8d_nohash_0.wav",
        "no/1.flac",
        "marvin/2.wav",
        "_unknown_/bed_0a7c2a8d_nohash_0.wav.wav",
        "_unknown_/no_0a7c2a8d_nohash_0.wav.wav",
        "_silence_/5.wav",
        "_background_noise_/hum.wav",
    ):
        clip(tmp_path / name)
    clip(tmp_path / "yes" / "._yes.wav")
    (tmp_path / "yes" / "notes.txt").write_text("no audio")
    (tmp_path / "empty").mkdir()
    return tmp_path


def labels_of(data: Path, labels: tuple[str, ...]) -> dict[str, str]:
    found = scan_labelled(data, labels).clips
    return {str(c.path.relative_to(data)): labels[c.label] for c in found}


def test_folders_become_labels(data: Path) -> None:
    assert labels_of(data, LABELS) == {
        "yes/0a7c2a8d_nohash_0.wav": "yes",
        "no/1.flac": "no",
        "marvin/2.wav": "_unknown_",
        "_unknown_/bed_0a7c2a8d_nohash_0.wav.wav": "_unknown_",
        "_unknown_/no_0a7c2a8d_nohash_0.wav.wav": "no",
        "_silence_/5.wav": "_silence_",
    }
    folder = scan_labelled(data, LABELS)
    assert folder.ignored_folders == ("_background_noise_",)
    assert folder.empty_folders == ("empty",)


def test_without_unknown_and_silence_other_folders_are_left_out(data: Path) -> None:
    assert set(labels_of(data, ("yes", "bed")).values()) == {"yes", "bed"}
    ignored = scan_labelled(data, ("yes", "no")).ignored_folders
    assert set(ignored) == {"marvin", "_silence_", "_background_noise_", "empty"}


def test_missing_folder_and_folder_without_clips_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SottoError, match="does not exist"):
        scan_labelled(tmp_path / "nowhere", LABELS)
    (tmp_path / "yes").mkdir()
    with pytest.raises(SottoError, match="holds no clips"):
        scan_labelled(tmp_path, LABELS)


def test_unreadable_clips_are_all_named_or_skipped(data: Path) -> None:
    (data / "yes" / "bad.wav").write_bytes(b"RIFFnonsense")
    whole = (data / "marvin" / "2.wav").read_bytes()
    (data / "no" / "cut.wav").write_bytes(whole[:-40])
    clips = scan_labelled(data, LABELS).clips
    with pytest.raises(SottoError) as caught:
        check_readable(clips, 16_000, skip_unreadable=False, progress=Silent())
    assert "bad.wav" in caught.value.message
    assert "cut.wav: is cut off" in caught.value.message
    assert "--skip-unreadable" in caught.value.remedy
    good = check_readable(clips, 16_000, skip_unreadable=True, progress=Silent())
    assert len(good) == len(clips) - 2


def test_survey_counts_and_names(data: Path) -> None:
    clip(data / "yes" / "b_nohash_1.wav", 8_000)
    (data / "no" / "bad.wav").write_bytes(b"")
    found = {entry.name: entry for entry in survey(data, Silent())}
    assert found["yes"].clips == 2
    assert found["yes"].speakers == 2
    assert found["yes"].rates_hz == (8_000, 16_000)
    assert found["yes"].seconds == pytest.approx(0.2)
    assert "bad.wav" in found["no"].unreadable[0]
    assert found["no"].clips == 2


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17: table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_equals_the_published_table(
    hits: int, trials: int, low: float, high: float
) -> None:
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson_interval(trials - hits, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)
