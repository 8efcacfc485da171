"""Folders are recognised, and what is missing in them is named."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.audio.corpus import corpus_fingerprint, scan
from training.errors import UserError
from training.recipe import WordsConfig

WORDS = WordsConfig(keywords=("yes", "no"))


def fill(root: Path, names: Sequence[str]) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in {".wav", ".flac"}:
            soundfile.write(path, np.full(320, number + 1, np.int16), 16_000, subtype="PCM_16")
        else:
            path.write_text("not audio")
    return root


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    return fill(
        tmp_path / "data",
        [
            "yes/0a_nohash_0.wav",
            "yes/0b_nohash_1.wav",
            "no/0a_nohash_0.wav",
            "up/0c_nohash_0.wav",
            "_unknown_/backward_0d_nohash_2.wav.wav",
            "_unknown_/yes_0e_nohash_0.wav.wav",
            "_silence_/1043.wav",
            "yes/notes.txt",
            "yes/._0a_nohash_0.wav",
            ".hidden/x.wav",
            "LICENSE",
        ],
    )


def test_the_test_set_layout(test_set: Path) -> None:
    corpus = scan(test_set, WORDS)
    assert corpus.layout == "Speech Commands test set"
    assert corpus.labels == ("yes", "no", "_unknown_", "_silence_")
    found = {clip.name: (clip.label, clip.word, clip.speaker) for clip in corpus.clips}
    assert found == {
        "yes/0a_nohash_0.wav": ("yes", "yes", "0a"),
        "yes/0b_nohash_1.wav": ("yes", "yes", "0b"),
        "no/0a_nohash_0.wav": ("no", "no", "0a"),
        "up/0c_nohash_0.wav": ("_unknown_", "up", "0c"),
        "_unknown_/backward_0d_nohash_2.wav.wav": ("_unknown_", "backward", "0d"),
        "_unknown_/yes_0e_nohash_0.wav.wav": ("yes", "yes", "0e"),
        "_silence_/1043.wav": ("_silence_", "", None),
    }
    assert corpus.speakers_known
    assert corpus.speakers == {"0a", "0b", "0c", "0d", "0e"}


def test_classes_that_are_off_are_left_out(test_set: Path) -> None:
    words = WordsConfig(keywords=("yes", "no"), unknown=False, silence=False)
    assert Counter(clip.label for clip in scan(test_set, words).clips) == {"yes": 3, "no": 1}


def test_the_archive_layout(tmp_path: Path) -> None:
    root = fill(
        tmp_path,
        [
            "yes/0a_nohash_0.wav",
            "no/0b_nohash_0.wav",
            "bed/0c_nohash_0.wav",
            "_background_noise_/hum.wav",
            "_background_noise_/README.md",
        ],
    )
    (root / "validation_list.txt").write_text("no/0b_nohash_0.wav\n")
    (root / "testing_list.txt").write_text("bed/0c_nohash_0.wav\n\n")
    corpus = scan(root, WORDS)
    assert corpus.layout == "Speech Commands archive"
    assert corpus.validation_names == {"no/0b_nohash_0.wav"}
    assert corpus.test_names == {"bed/0c_nohash_0.wav"}
    assert corpus.background == (root / "_background_noise_" / "hum.wav",)
    assert [clip.label for clip in corpus.clips] == ["_unknown_", "no", "yes"]


def test_a_list_that_is_not_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = fill(tmp_path, ["yes/0a_nohash_0.wav", "no/0b_nohash_0.wav", "bed/0c_nohash_0.wav"])
    (root / "validation_list.txt").write_text("no/0b_nohash_0.wav\n")
    (root / "testing_list.txt").write_bytes(b"bed/\xff\xfe.wav\n")
    with pytest.raises(UserError, match=r"testing_list\.txt: cannot be read as a list") as caught:
        scan(root, WORDS)
    assert "remove both lists" in caught.value.remedy


def test_any_folders_of_words(tmp_path: Path) -> None:
    root = fill(tmp_path, ["yes/one.wav", "no/two.flac", "hey_you/x_y_nohash_0.wav"])
    corpus = scan(root, WordsConfig(keywords=("yes", "no", "hey_you"), unknown=False))
    assert corpus.layout == "folders of words"
    assert not corpus.speakers_known
    assert {clip.speaker for clip in corpus.clips} == {None, "x_y"}


@pytest.mark.parametrize(
    ("files", "words", "message"),
    [
        (None, WORDS, "there is no such folder"),
        (["a.wav"], WORDS, "holds no audio"),
        (["yes/readme.txt"], WORDS, "holds no audio"),
        (["yes/a.wav", "maybe/b.wav"], WORDS, "no clips for 'no'; folders found: maybe, yes"),
        (["yes/a.wav", "no/notes.txt"], WORDS, "no clips for 'no'"),
        (["yes/a.wav", "no/b.wav"], WORDS, "no clips for '_unknown_'"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, files: list[str] | None, words: WordsConfig, message: str
) -> None:
    root = tmp_path / "data"
    if files is not None:
        fill(root, files)
    with pytest.raises(UserError) as caught:
        scan(root, words)
    assert message in caught.value.message
    assert str(root) in caught.value.message
    assert caught.value.remedy


def test_the_fingerprint_follows_content_and_labels_only(test_set: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hashes.json"
    original = corpus_fingerprint(scan(test_set, WORDS), cache)
    assert corpus_fingerprint(scan(test_set, WORDS), cache) == original
    moved = shutil.copytree(test_set, tmp_path / "elsewhere")
    assert corpus_fingerprint(scan(moved, WORDS)) == original
    (moved / "yes" / "notes.txt").write_text("changed, but not audio")
    assert corpus_fingerprint(scan(moved, WORDS)) == original
    other_words = WordsConfig(keywords=("yes", "no", "up"))
    assert corpus_fingerprint(scan(moved, other_words)) != original
    soundfile.write(moved / "yes" / "0a_nohash_0.wav", np.full(320, 99, np.int16), 16_000)
    assert corpus_fingerprint(scan(moved, WORDS)) != original


def test_the_fingerprint_notices_a_changed_file_despite_the_cache(
    test_set: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "hashes.json"
    before = corpus_fingerprint(scan(test_set, WORDS), cache)
    soundfile.write(test_set / "yes" / "0a_nohash_0.wav", np.full(321, 5, np.int16), 16_000)
    assert corpus_fingerprint(scan(test_set, WORDS), cache) != before


def test_a_broken_fingerprint_cache_is_built_anew(test_set: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hashes.json"
    cache.write_text("{ half")
    assert corpus_fingerprint(scan(test_set, WORDS), cache) == corpus_fingerprint(
        scan(test_set, WORDS)
    )
    assert cache.read_text().startswith("{")
