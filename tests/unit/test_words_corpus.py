"""From folders of recordings to a corpus: who trains, who tests, what is left out and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.audio.corpus import scan
from training.audio.espeak import Voice, speak, variants
from training.audio.splits import split
from training.errors import UserError
from training.progress import Silent
from training.recipe import DataConfig, WordsConfig, load_recipe
from training.words import corpus as corpus_module
from training.words.corpus import (
    TRAINING_FOLDER,
    UNHEARD_FOLDER,
    UNHEARD_SPOKEN_FOLDER,
    Quantities,
    add_clips,
    build_corpus,
    read_facts,
)
from training.words.found import Finding, examine, load, save
from training.words.places import TEST, TRAIN, VALIDATION, place_by_hash, place_speakers
from training.words.plan import FRONTEND, make_plan, recipe_text, warnings
from training.words.sources import Recording, find_sources, label_of, labels_of

RATE_HZ = 16_000


@cache
def said(text: str, person: int) -> np.ndarray:
    speech, _ = speak(text, Voice("en-US", variants()[3 * person % 60], 150, 50, 50))
    rng = np.random.default_rng(person)
    quiet = 30.0 * rng.standard_normal(speech.size + 22_050)
    quiet[11_000 : 11_000 + speech.size] += 0.5 * speech
    return np.rint(quiet).astype(np.int16)


def record(path: Path, text: str, person: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, said(text, person), 22_050)


def recordings(folder: Path, text: str, people: int, name: str = "{}.wav") -> Path:
    for person in range(people):
        record(folder / name.format(f"person{person}"), text, person)
    return folder


def finding(word: str, number: int, seconds: float = 0.7, left_out: str = "") -> Finding:
    return Finding(
        f"{word}/{number}.wav", f"s{number}", 2.0, 1, 0.5, 0.5 + seconds, False, left_out, ()
    )


def test_labels_are_one_form_of_a_word() -> None:
    assert label_of("Hey  Computer") == label_of("hey-computer") == "hey_computer"
    with pytest.raises(UserError, match="stands twice"):
        labels_of(["Stop", "stop"])


def test_folders_tell_words_other_speech_and_noise(tmp_path: Path) -> None:
    record(tmp_path / "from" / "Hey Computer" / "anna_1.wav", "hey computer", 0)
    record(tmp_path / "from" / "jarvis" / "1.wav", "jarvis", 0)
    record(tmp_path / "other" / "deep" / "yes" / "bob_nohash_0.wav", "yes", 1)
    record(tmp_path / "other" / "_unknown_" / "bed_bob_nohash_0.wav.wav", "bed", 1)
    record(tmp_path / "other" / "_unknown_" / "alarm_bob_nohash_0.wav.wav", "alarm", 1)
    record(tmp_path / "other" / "_unknown_" / "hey_computer_bob_nohash_0.wav", "hey computer", 1)
    record(tmp_path / "other" / "_background_noise_" / "fan.wav", "noise", 1)
    labels = labels_of(["hey computer", "alarm"])
    found = find_sources(labels, tmp_path / "from", tmp_path / "other", r"^(\w+?)_\d")
    assert [one.speaker for one in found.words["hey_computer"]] == ["anna"]
    assert found.words["alarm"] == ()
    assert {one.path.name for one in found.negatives} == {
        "1.wav",
        "bob_nohash_0.wav",
        "bed_bob_nohash_0.wav.wav",
    }
    assert [path.name for path in found.noise] == ["fan.wav"]
    plain = find_sources(labels, None, tmp_path / "other", None)
    assert {one.speaker for one in plain.negatives} == {"bob"}


def test_folders_that_do_not_fit_are_errors(tmp_path: Path) -> None:
    labels = ("alexa",)
    with pytest.raises(UserError, match="no such folder"):
        find_sources(labels, tmp_path / "no", None, None)
    with pytest.raises(UserError, match="no folder is called 'alexa'; found: no folders"):
        find_sources(labels, tmp_path, None, None)
    (tmp_path / "alexa").mkdir()
    with pytest.raises(UserError, match="alexa: holds no audio"):
        find_sources(labels, tmp_path, None, None)
    with pytest.raises(UserError, match="holds no audio"):
        find_sources(labels, None, tmp_path, None)
    record(tmp_path / "alexa" / "1.wav", "alexa", 0)
    (tmp_path / "jarvis").symlink_to(tmp_path / "alexa")
    with pytest.raises(UserError, match="folder of 'alexa' as well as of 'jarvis'"):
        find_sources(("alexa", "jarvis"), tmp_path, None, None)
    for pattern, message in (("(", "no regular expression"), ("a", "has no group")):
        with pytest.raises(UserError, match=message):
            find_sources(labels, tmp_path, None, pattern)


def test_bad_files_are_named_and_left_out(tmp_path: Path) -> None:
    folder = recordings(tmp_path, "alexa", 3)
    (folder / "text.wav").write_text("this is text")
    (folder / "copy.wav").write_bytes((folder / "person1.wav").read_bytes())
    soundfile.write(folder / "silent.wav", np.zeros(32_000, np.int16), RATE_HZ)
    soundfile.write(folder / "long.wav", np.ones(25 * RATE_HZ, np.int16), RATE_HZ)
    soundfile.write(
        folder / "loud.wav",
        np.clip(said("alexa", 4) * 8.0, -32_767, 32_767).astype(np.int16),
        22_050,
    )
    soundfile.write(folder / "stereo.flac", np.stack([said("alexa", 5)] * 2, axis=1), 22_050)
    files = find_sources(("alexa",), folder, None, None).words["alexa"]
    rows = {Path(row.path).name: row for row in examine("alexa", files, RATE_HZ, Silent())}
    reasons = {name: row.left_out for name, row in rows.items() if row.left_out}
    assert set(reasons) == {"text.wav", "person1.wav", "silent.wav", "long.wav", "loud.wav"}
    assert "cannot be read" in reasons["text.wav"]
    assert reasons["person1.wav"] == "sounds exactly as copy.wav"
    assert reasons["silent.wav"] == "is digital silence"
    assert "25 s long" in reasons["long.wav"]
    assert "at full scale" in reasons["loud.wav"]
    assert rows["stereo.flac"].channels == 2
    assert rows["person0.wav"].start_s == pytest.approx(11_000 / 22_050, abs=0.06)
    save({"alexa": list(rows.values())}, tmp_path / "rows.json")
    assert load(tmp_path / "rows.json") == {"alexa": list(rows.values())}


def test_nothing_but_silence_is_an_error(tmp_path: Path) -> None:
    for number in range(3):
        noise = np.random.default_rng(number).integers(-20, 20, 32_000, dtype=np.int16)
        soundfile.write(tmp_path / f"{number}.wav", noise, RATE_HZ)
    files = [Recording(path, path.stem) for path in sorted(tmp_path.iterdir())]
    with pytest.raises(UserError, match=r"none of the 3 recordings .* no speech stands out"):
        examine("alexa", files, RATE_HZ, Silent())


def test_speakers_are_in_one_set_and_few_recordings_all_train() -> None:
    many = [f"a{number}" for number in range(40)] + ["a0", "both"]
    few = [f"b{number}" for number in range(5)] + ["both"]
    place = place_speakers({"many": many, "few": few}, seed=1)
    assert {place[speaker] for speaker in few} == {TRAIN}
    counts = [sum(place[one] == name for one in many) for name in (TEST, VALIDATION)]
    assert counts[0] in (13, 14)
    assert counts[1] in (5, 6)
    assert place == place_speakers({"few": few, "many": many}, seed=1)
    assert place != place_speakers({"many": many, "few": few}, seed=2)
    assert set(place_by_hash([f"voice{n}" for n in range(3)], 1).values()) == {
        TRAIN,
        VALIDATION,
        TEST,
    }


@pytest.mark.parametrize(("used", "tested"), [(19, ()), (20, ("alexa",))])
def test_a_plan_follows_from_what_can_be_used(used: int, tested: tuple[str, ...]) -> None:
    rows = [finding("alexa", n) for n in range(used)] + [finding("alexa", 99, left_out="text")]
    plan = make_plan(["alexa"], {"alexa": rows})
    assert plan.recordings == {"alexa": used}
    assert plan.tested == tested
    said_of_it = " ".join(warnings(plan, negatives=0))
    assert ("19 recordings, all of which train" in said_of_it) == (used == 19)
    assert "synthesised speech only" in said_of_it


def test_long_words_get_long_clips_and_no_recordings_a_warning() -> None:
    short = make_plan(["go"], {})
    assert short.clip_samples >= RATE_HZ
    assert "says nothing about people" in warnings(short, negatives=9)[0]
    assert len(warnings(short, negatives=9)) == 1
    long = make_plan(["alexa"], {"alexa": [finding("alexa", n, seconds=1.5) for n in range(9)]})
    assert 1.7 * RATE_HZ <= long.clip_samples <= 1.8 * RATE_HZ
    frames = 1 + (long.clip_samples - FRONTEND.window_samples) / FRONTEND.hop_samples
    assert frames % 4 == 0


def test_the_recipe_is_read_back(tmp_path: Path) -> None:
    labels = labels_of(["hey computer", "alarm"])
    for rows in ({}, {label: [finding(label, n) for n in range(30)] for label in labels}):
        plan = make_plan(labels, rows)
        path = tmp_path / "recipe.toml"
        path.write_text(recipe_text("mine", labels, plan, 7))
        recipe = load_recipe(path)
        assert recipe.words.keywords == labels
        assert recipe.frontend.clip_samples == plan.clip_samples
        assert recipe.seed == 7


@pytest.fixture
def built(tmp_path: Path) -> Callable[[int, int], Path]:
    """Builds a corpus of so many recordings of "alexa" and of other speech."""

    def build(words: int, others: int) -> Path:
        recordings(tmp_path / "from" / "alexa", "alexa", words)
        if others:
            recordings(tmp_path / "other" / "garden", "garden", others)
        spoken = tmp_path / "spoken"
        for voice in range(10):
            record(spoken / "alexa" / f"en+v{voice}_nohash_0.wav", "alexa", voice)
            record(spoken / "_unknown_" / f"lex us_en+v{voice}_nohash_0.wav", "lexus", voice)
        other = tmp_path / "other" if others else None
        sources = find_sources(("alexa",), tmp_path / "from" if words else None, other, None)
        rows = (
            {"alexa": examine("alexa", sources.words["alexa"], RATE_HZ, Silent())} if words else {}
        )
        folder = tmp_path / "corpus"
        build_corpus(
            folder, rows, sources, spoken, Quantities(19_200, RATE_HZ, 3, 1), ("A note.",), Silent()
        )
        return folder

    return build


def sets(folder: Path) -> dict[str, set[str]]:
    """Names of the clips of each set, as training splits them."""
    found = scan(folder / TRAINING_FOLDER, WordsConfig(keywords=("alexa",)))
    parted = split(found, DataConfig(), seed=1)
    return {name: {clip.name for clip in clips} for name, clips in parted.sets().items()}


def test_synthesised_voices_train_and_recordings_test(built: Callable[[int, int], Path]) -> None:
    folder = built(20, 30)
    parted = sets(folder)
    for name in ("test", "validation"):
        assert not [clip for clip in parted[name] if "en+v" in clip]
        assert any(clip.startswith("alexa/person") for clip in parted[name])
        assert any(clip.startswith("_unknown_/~") for clip in parted[name])
    assert sum("alexa/en+v" in clip for clip in parted["train"]) == 7
    assert sum(clip.startswith("alexa/person") for clip in parted["test"]) == 6
    assert sum(clip.startswith("alexa/person") for clip in parted["train"]) == 3 * 12
    speakers = [
        {clip.partition("_nohash_")[0] for clip in clips if clip.startswith("alexa/")}
        for clips in parted.values()
    ]
    assert sum(map(len, speakers)) == len(set().union(*speakers))
    lengths = {
        soundfile.info(path).frames for path in (folder / "training" / "alexa").glob("person*")
    }
    assert lengths == {19_200}
    unheard = {path.name.partition("_nohash_")[0] for path in (folder / "unheard").rglob("p*.wav")}
    assert {f"alexa/{speaker}" for speaker in unheard} == speakers[2]
    assert list((folder / UNHEARD_FOLDER / "_unknown_").glob("~_person*.wav"))
    rows = read_facts(folder).clips
    assert {"label": "alexa", "set": "test", "kind": "recorded", "clips": 6} in rows


def test_too_few_recordings_train_and_voices_test(built: Callable[[int, int], Path]) -> None:
    parted = sets(built(3, 0))
    assert sum(clip.startswith("alexa/person") for clip in parted["train"]) == 9
    for name in ("test", "validation"):
        assert parted[name]
        assert all("en+v" in clip for clip in parted[name])


def test_without_recordings_there_are_voices_only(built: Callable[[int, int], Path]) -> None:
    parted = sets(built(0, 0))
    assert all("en+v" in clip for clips in parted.values() for clip in clips)


@pytest.mark.parametrize("recorded", [(20, 30), (0, 0)])
def test_some_voices_are_kept_apart_whole(
    built: Callable[[int, int], Path], recorded: tuple[int, int]
) -> None:
    folder = built(*recorded)

    def voices(clips: Iterable[str]) -> set[str]:
        return {voice for clip in clips for voice in re.findall(r"en\+v\d", clip)}

    apart = [
        path.relative_to(folder / UNHEARD_SPOKEN_FOLDER).as_posix()
        for path in (folder / UNHEARD_SPOKEN_FOLDER).rglob("*.wav")
    ]
    assert {clip.partition("/")[0] for clip in apart} == {"alexa", "_unknown_"}
    assert len(voices(apart)) == 3
    assert len(apart) == 6
    parted = sets(folder)
    assert not voices(apart) & voices(parted["train"] | parted["validation"])
    assert len(voices(apart) | voices(parted["train"] | parted["validation"])) == 10


def test_mistaken_clips_join_the_training_part(built: Callable[[int, int], Path]) -> None:
    folder = built(0, 0)
    before = sets(folder)
    add_clips(folder, np.ones((2, 19_200), np.int16))
    after = sets(folder)
    assert len(after["train"] - before["train"]) == 2
    assert (after["test"], after["validation"]) == (before["test"], before["validation"])


def test_windows_of_a_set_have_a_limit(
    built: Callable[[int, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_module, "_MOST_WINDOWS", {TRAIN: 4, VALIDATION: 1, TEST: 2})
    parted = sets(built(0, 30))
    counts = {
        name: sum(clip.startswith("_unknown_/~") for clip in clips)
        for name, clips in parted.items()
    }
    assert counts == {"train": 4, "validation": 1, "test": 2}
