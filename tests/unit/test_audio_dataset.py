"""Arrays that training takes: every class in every set, noise from the training set only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.audio.corpus import scan
from training.audio.dataset import NO_SPEECH, ClipSet, Dataset, balanced, load_dataset
from training.errors import UserError
from training.progress import Silent
from training.recipe import DataConfig, WordsConfig

RATE_HZ = 8_000
SAMPLES = 4_000
WORDS = WordsConfig(keywords=("yes", "no"))
CONFIG = DataConfig(validation_percent=20.0, test_percent=20.0)


def write(path: Path, pcm: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, pcm.astype(np.int16), RATE_HZ, subtype="PCM_16")


def corpus(root: Path, words: Sequence[str] = ("yes", "no", "up"), speakers: int = 20) -> Path:
    """Each file holds one value that no other has."""
    value = 0
    for word in words:
        for speaker in range(speakers):
            value += 1
            write(root / word / f"s{speaker}_nohash_0.wav", np.full(SAMPLES, value))
    return root


def load(root: Path, **changes: object) -> Dataset:
    arguments: dict[str, object] = {
        "sample_rate_hz": RATE_HZ,
        "clip_samples": SAMPLES,
        "seed": 1,
        "skip_unreadable": False,
        "progress": Silent(),
        "config": CONFIG,
    }
    arguments |= changes
    return load_dataset(scan(root, WORDS), arguments.pop("config"), **arguments)  # type: ignore[arg-type]


def test_arrays_names_and_labels_belong_together(tmp_path: Path) -> None:
    data = load(corpus(tmp_path))
    assert data.labels == ("yes", "no", "_unknown_", "_silence_")
    speech = 0
    for clips in (data.train, data.validation, data.test):
        assert clips.pcm.dtype == np.int16
        assert clips.pcm.shape == (len(clips.names), SAMPLES)
        assert clips.targets.shape == (len(clips.names),)
        assert set(clips.targets) == {0, 1, 2, 3}
        for pcm, target, name in zip(clips.pcm, clips.targets, clips.names, strict=True):
            if data.labels[target] == "_silence_":
                continue
            speech += 1
            folder = name.split("/")[0]
            assert data.labels[target] == {"up": "_unknown_"}.get(folder, folder)
            written, _ = soundfile.read(tmp_path / name, dtype="int16")
            assert np.array_equal(pcm, written)
    assert speech == 60
    assert data.speakers_known
    assert data.train.speakers + data.validation.speakers + data.test.speakers == 20


def test_the_voice_of_every_clip_is_numbered(tmp_path: Path) -> None:
    data = load(corpus(tmp_path))
    for clips in sets(data):
        speaker_of: dict[int, str] = {}
        for voice, target, name in zip(clips.voices, clips.targets, clips.names, strict=True):
            if data.labels[target] == "_silence_":
                assert voice == NO_SPEECH
                continue
            speaker = name.split("/")[1].split("_nohash_")[0]
            assert speaker_of.setdefault(int(voice), speaker) == speaker
        assert len(set(speaker_of.values())) == len(speaker_of) == clips.speakers


def test_clips_of_unknown_speakers_are_voices_of_their_own(tmp_path: Path) -> None:
    for word in ("yes", "no", "up"):
        for number in range(20):
            write(tmp_path / word / f"{number}.wav", np.full(SAMPLES, number + 1))
    voices = load(tmp_path).train.voices
    spoken = voices[voices != NO_SPEECH]
    assert len(set(spoken)) == len(spoken)


def clip_set(counts: Sequence[int]) -> ClipSet:
    targets = np.repeat(np.arange(len(counts)), counts)
    clips = len(targets)
    return ClipSet(
        pcm=np.arange(clips, dtype=np.int16)[:, None],
        targets=targets,
        names=tuple(f"{target}/{number}.wav" for number, target in enumerate(targets)),
        voices=np.arange(clips) // 2,
        speakers=clips // 2,
    )


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(0.0, [20, 3, 11]), (50.0, [20, 10, 11]), (60.0, [20, 12, 12]), (100.0, [20, 20, 20])],
)
def test_small_classes_are_repeated_evenly(percent: float, expected: list[int]) -> None:
    clips = clip_set([20, 3, 11])
    result = balanced(clips, percent, np.random.default_rng(0))
    assert np.bincount(result.targets).tolist() == expected
    assert np.array_equal(result.pcm[:34], clips.pcm)
    times = np.bincount(result.pcm[:, 0])
    for target in range(3):
        of_class = times[clips.targets == target]
        assert of_class.max() - of_class.min() <= 1
    for row, number in enumerate(result.pcm[:, 0]):
        assert result.targets[row] == clips.targets[number]
        assert result.voices[row] == clips.voices[number]
        assert result.names[row].startswith(clips.names[number])
    assert len(set(result.names)) == len(result.names)
    assert result.speakers == clips.speakers


def test_balance_is_for_training_only_and_a_class_without_clips_stays_empty(tmp_path: Path) -> None:
    root = corpus(tmp_path)
    for word in ("yes", "no"):
        for speaker in range(20, 40):
            write(root / word / f"s{speaker}_nohash_0.wav", np.full(SAMPLES, 500 + speaker))
    config = replace(CONFIG, unknown_clips=12, silence_clips=12, smallest_class_percent=100.0)
    data = load(root, config=config)
    counts = np.bincount(data.train.targets)
    assert set(counts[2:]) == {counts.max()}
    for clips in (data.validation, data.test):
        assert np.bincount(clips.targets)[3] < np.bincount(clips.targets).max()
        assert not any("copy" in name for name in clips.names)
    empty = balanced(clip_set([4, 0, 2]), 100.0, np.random.default_rng(0))
    assert np.bincount(empty.targets).tolist() == [4, 0, 4]


def test_the_same_seed_gives_the_same_data(tmp_path: Path) -> None:
    root = corpus(tmp_path)
    first, again, other = load(root), load(root), load(root, seed=2)
    assert np.array_equal(first.train.pcm, again.train.pcm)
    assert np.array_equal(first.noise, again.noise)
    assert first.test.names == again.test.names
    assert first.test.names != other.test.names


def test_unknown_is_thinned_to_the_mean_of_a_keyword(tmp_path: Path) -> None:
    root = corpus(tmp_path, words=("yes", "no", "up", "down", "left"))
    counts = [np.bincount(clips.targets)[2] for clips in sets(load(root))]
    assert sum(counts) == 20
    wanted = replace(CONFIG, unknown_clips=45)
    assert sum(np.bincount(clips.targets)[2] for clips in sets(load(root, config=wanted))) == 45


def sets(data: Dataset) -> tuple:
    return data.train, data.validation, data.test


def test_silence_is_made_where_there_is_none(tmp_path: Path) -> None:
    data = load(corpus(tmp_path), config=replace(CONFIG, silence_clips=100))
    rows = [clips.pcm[clips.targets == 3] for clips in sets(data)]
    assert abs(sum(map(len, rows)) - 100) <= 2
    assert len({row.tobytes() for part in rows for row in part}) == sum(map(len, rows))
    assert np.array_equal(data.noise, rows[0].reshape(-1))


def test_recorded_silence_is_used_and_its_training_part_is_the_noise_bank(tmp_path: Path) -> None:
    root = corpus(tmp_path)
    for number in range(30):
        write(root / "_silence_" / f"{number}.wav", np.full(SAMPLES, 1_000 + number))
    data = load(root)
    rows = [clips.pcm[clips.targets == 3] for clips in sets(data)]
    assert sorted(row[0] for part in rows for row in part) == list(range(1_000, 1_030))
    assert set(data.noise) == {row[0] for row in rows[0]}


def test_background_noise_is_cut_in_time_so_that_sets_share_none(tmp_path: Path) -> None:
    root = corpus(tmp_path)
    ramp = np.arange(30_000)
    write(root / "_background_noise_" / "ramp.wav", ramp)
    data = load(root)
    # Attenuated cuts of a ramp keep the place they come from as level over slope.
    validation_start, test_start = 18_000, 24_000
    for clips, low, high in zip(
        sets(data),
        (0, validation_start, test_start),
        (validation_start, test_start, 30_000),
        strict=True,
    ):
        rows = clips.pcm[clips.targets == 3].astype(np.float64)
        assert len(rows)
        slope = (rows[:, -1] - rows[:, 0]) / (SAMPLES - 1)
        starts = rows[:, 0] / slope
        assert low - 60 <= starts.min()
        assert starts.max() + SAMPLES <= high + 60
    background = data.noise[-validation_start:]
    assert np.array_equal(background, ramp[:validation_start])


@pytest.fixture
def with_a_bad_file(tmp_path: Path) -> Path:
    root = corpus(tmp_path)
    (root / "no" / "s3_nohash_0.wav").write_bytes(b"RIFF, but nothing follows")
    return root


def test_an_unreadable_file_is_an_error_that_names_it(with_a_bad_file: Path) -> None:
    with pytest.raises(UserError, match=r"no/s3_nohash_0\.wav") as caught:
        load(with_a_bad_file)
    assert "--skip-unreadable" in caught.value.remedy


def test_an_unreadable_file_is_skipped_only_when_asked(with_a_bad_file: Path) -> None:
    data = load(with_a_bad_file, skip_unreadable=True)
    assert len(data.problems) == 1
    assert "no/s3_nohash_0.wav" in data.problems[0]
    whole = [name for clips in sets(data) for name in clips.names]
    assert "no/s3_nohash_0.wav" not in whole
    assert sum("_silence_" not in name for name in whole) == 59


def test_a_class_that_is_unreadable_as_a_whole_is_an_error(tmp_path: Path) -> None:
    root = corpus(tmp_path)
    for path in (root / "no").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match="class 'no' has no readable clip in the train set"):
        load(root, skip_unreadable=True)


def test_real_flacs_that_libsndfile_refuses_are_named(
    shared_data: Path | None, tmp_path: Path
) -> None:
    """Checked on real files where they are; on a damaged one of our own otherwise."""
    folder = shared_data / "wake_words" if shared_data else _damaged_wake_words(tmp_path)
    words = WordsConfig(keywords=("alexa",))
    arguments = {"sample_rate_hz": 16_000, "clip_samples": 16_000, "seed": 1}
    data = load_dataset(
        scan(folder, words), CONFIG, skip_unreadable=True, progress=Silent(), **arguments
    )
    assert data.problems
    assert all(".flac: cannot be read as audio: " in problem for problem in data.problems)
    assert not data.speakers_known


def _damaged_wake_words(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for word in ("alexa", "jarvis"):
        for number in range(20):
            path = root / word / f"{number}.flac"
            write(path, rng.integers(-9_000, 9_000, 16_000))
    content = bytearray(path.read_bytes())
    content[9_000:12_000] = bytes(3_000)
    path.write_bytes(content)
    return root
