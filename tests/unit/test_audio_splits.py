"""No speaker is in two sets, and new recordings move no old ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.audio.corpus import Clip, Corpus
from training.audio.splits import EVERYONE_HEARD, SPLIT_NAMES, split
from training.errors import UserError
from training.recipe import DataConfig

LABELS = ("yes", "no", "_unknown_")
CONFIG = DataConfig(validation_percent=10.0, test_percent=20.0)


def clip(label: str, speaker: str | None, number: int = 0) -> Clip:
    name = f"{label}/{speaker or 'x'}_nohash_{number}.wav"
    return Clip(Path(name), name, label, label, speaker)


def corpus(clips: list[Clip], **lists: frozenset[str]) -> Corpus:
    return Corpus(Path(), "test", LABELS, tuple(clips), **lists)


def everyone(speakers: int, takes: int = 1) -> list[Clip]:
    return [
        clip(label, f"s{speaker}", take)
        for label in LABELS
        for speaker in range(speakers)
        for take in range(takes)
    ]


@settings(deadline=None)
@given(speakers=st.integers(4, 60), takes=st.integers(1, 3), seed=st.integers(0, 2**31 - 1))
def test_sets_share_no_speaker_and_hold_every_class(speakers: int, takes: int, seed: int) -> None:
    source = corpus(everyone(speakers, takes))
    parted = split(source, CONFIG, seed)
    sets = parted.sets()
    assert tuple(sets) == SPLIT_NAMES
    assert sorted(c.name for clips in sets.values() for c in clips) == sorted(
        c.name for c in source.clips
    )
    by_set = [{c.speaker for c in clips} for clips in sets.values()]
    assert sum(map(len, by_set)) == len(set().union(*by_set)) == speakers
    for clips in sets.values():
        assert {c.label for c in clips} == set(LABELS)
    assert parted.speakers_known
    assert parted.method == "by speaker"


def test_shares_are_about_right() -> None:
    parted = split(corpus(everyone(1_000)), CONFIG, seed=3)
    share = {name: len(clips) / 3_000 for name, clips in parted.sets().items()}
    assert share == pytest.approx({"train": 0.7, "validation": 0.1, "test": 0.2}, abs=0.04)
    for clips in parted.sets().values():
        counts = Counter(c.label for c in clips)
        assert len(set(counts.values())) == 1


def test_the_seed_decides() -> None:
    source = corpus(everyone(50))
    assert split(source, CONFIG, 1) == split(source, CONFIG, 1)
    assert split(source, CONFIG, 1).test != split(source, CONFIG, 2).test


def test_new_recordings_move_no_old_ones() -> None:
    before = split(corpus(everyone(100)), CONFIG, 5)
    after = split(corpus(everyone(140, takes=2)), CONFIG, 5)
    for name in SPLIT_NAMES:
        assert set(before.sets()[name]) <= set(after.sets()[name])


def test_no_single_voice_fills_a_set() -> None:
    others = everyone(40)
    many = [clip("yes", "talker", number) for number in range(100, 130)]
    usual = [clip("yes", "usual", number) for number in range(200, 204)]
    for seed in range(30):
        sets = split(corpus(others + many + usual), DataConfig(), seed).sets()
        assert "talker" not in {c.speaker for c in sets["test"] + sets["validation"]}
    assert any(
        "usual" in {c.speaker for c in split(corpus(others + usual), DataConfig(), seed).test}
        for seed in range(30)
    )


def test_clips_without_speaker_are_split_by_clip_and_it_is_said() -> None:
    clips = [clip(label, None, number) for label in LABELS for number in range(30)]
    parted = split(corpus(clips), CONFIG, 1)
    assert not parted.speakers_known
    assert "by clip" in parted.method
    for found in parted.sets().values():
        assert {c.label for c in found} == set(LABELS)


def test_silence_needs_no_speaker() -> None:
    silence = [Clip(Path(f"{n}"), f"{n}", "_silence_", "", None) for n in range(20)]
    parted = split(corpus([*everyone(10), *silence]), CONFIG, 1)
    assert parted.speakers_known
    assert parted.method == "by speaker"


def test_the_official_lists_decide() -> None:
    clips = everyone(5)
    parted = split(
        corpus(
            clips,
            validation_names=frozenset({"yes/s0_nohash_0.wav"}),
            test_names=frozenset({"no/s4_nohash_0.wav"}),
        ),
        CONFIG,
        1,
    )
    assert [c.name for c in parted.validation] == ["yes/s0_nohash_0.wav"]
    assert [c.name for c in parted.test] == ["no/s4_nohash_0.wav"]
    assert len(parted.train) == len(clips) - 2
    assert "official lists" in parted.method


@pytest.mark.parametrize("seed", range(8))
def test_too_few_speakers_are_an_error(seed: int) -> None:
    clips = [*everyone(9), clip("rare", "s1"), clip("rare", "s2")]
    with pytest.raises(UserError, match=r"class 'rare' has 2 speaker\(s\)"):
        split(corpus(clips), CONFIG, seed)


@settings(deadline=None)
@given(folds=st.integers(2, 6), seed=st.integers(0, 2**31 - 1))
def test_folds_test_every_speaker_once(folds: int, seed: int) -> None:
    talker = [clip("yes", "s3", number) for number in range(100, 400)]
    source = corpus(everyone(300) + talker)
    tested: list[str] = []
    for fold in range(folds):
        parted = split(source, replace(CONFIG, folds=folds, fold=fold), seed)
        by_set = [{c.speaker for c in clips} for clips in parted.sets().values()]
        assert sum(map(len, by_set)) == len(set().union(*by_set)) == 300
        assert f"fold {fold + 1} of {folds}" in parted.method
        assert "s3" not in {c.speaker for c in parted.validation}
        tested += {str(c.speaker) for c in parted.test}
    assert sorted(tested) == sorted(f"s{n}" for n in range(300))


def test_folds_go_before_official_lists() -> None:
    clips = everyone(40)
    listed = corpus(clips, test_names=frozenset(c.name for c in clips[:5]))
    assert split(listed, CONFIG, 1).method == "official lists of the archive"
    assert "fold 2 of 3" in split(listed, replace(CONFIG, folds=3, fold=1), 1).method


@pytest.mark.parametrize(("folds", "fold"), [(3, 3), (0, 1)])
def test_a_fold_that_is_not_there_is_refused(folds: int, fold: int) -> None:
    with pytest.raises(UserError, match="is no part of"):
        DataConfig(folds=folds, fold=fold)


def test_everyone_is_trained_on_and_the_other_sets_stay_what_they_are() -> None:
    source = corpus(everyone(50))
    usual, all_in = split(source, CONFIG, 1), split(source, CONFIG, 1, everyone=True)
    assert set(all_in.train) == set(source.clips)
    assert (all_in.validation, all_in.test) == (usual.validation, usual.test)
    assert all_in.method == usual.method + EVERYONE_HEARD
