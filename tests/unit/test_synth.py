"""Spoken corpora: complete, reproducible, resumable, and honest about bad requests."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from speech import KEYWORDS, find_speech

from training.audio import espeak
from training.audio.corpus import corpus_fingerprint, scan
from training.audio.espeak import ACCENTS, Voice, ipa, phonemes, speak, variants
from training.audio.readers import read_clip
from training.audio.splits import split
from training.audio.synth import SETTINGS_FILE, choose_speakers, other_words, synthesise
from training.errors import UserError
from training.progress import Silent
from training.recipe import DataConfig, SynthesisConfig, WordsConfig

WORDS = WordsConfig(keywords=("yes", "hey_sotto"))
CONFIG = SynthesisConfig(clips_per_word=10, speakers=4)
VOICE = Voice(accent="en-US", variant="m3", words_per_minute=150, pitch=50, pitch_range=50)


def make(folder: Path, words: WordsConfig = WORDS, config: SynthesisConfig = CONFIG) -> Path:
    synthesise(
        words,
        config,
        folder,
        sample_rate_hz=16_000,
        clip_samples=16_000,
        seed=7,
        progress=Silent(),
    )
    return folder


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("spoken") / "corpus")


def test_every_class_is_spoken(spoken: Path) -> None:
    corpus = scan(spoken, WORDS)
    assert Counter(clip.label for clip in corpus.clips) == dict.fromkeys(
        ("yes", "hey_sotto", "_unknown_", "_silence_"), 10
    )
    assert corpus.layout == "Speech Commands test set"
    assert corpus.speakers_known
    assert len(corpus.speakers) == 4
    unknown = {clip.word for clip in corpus.clips if clip.label == "_unknown_"}
    assert len(unknown) == 10
    assert not unknown & {"yes", "hey_sotto"}


def test_clips_are_one_second_of_speech_at_various_levels(spoken: Path) -> None:
    corpus = scan(spoken, WORDS)
    levels_db = []
    for clip in corpus.clips:
        pcm = read_clip(clip.path, 16_000)
        assert pcm.shape == (16_000,)
        if clip.label != "_silence_":
            frames = pcm.reshape(-1, 320).astype(np.float64)
            energy_db = 10.0 * np.log10(np.mean(frames**2, axis=1) + 1e-3)
            assert energy_db.max() - energy_db.min() > 8.0
            levels_db.append(energy_db.max())
    assert np.ptp(levels_db) > 10.0


def test_a_voice_is_in_one_set_only(spoken: Path) -> None:
    parted = split(scan(spoken, WORDS), DataConfig(), seed=1)
    speakers = [{clip.speaker for clip in clips} - {None} for clips in parted.sets().values()]
    assert sum(map(len, speakers)) == len(set().union(*speakers)) == 4


def test_broken_off_and_started_again_gives_the_same_bytes(spoken: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(spoken, tmp_path / "again")
    shutil.rmtree(folder / "_unknown_")
    (folder / ".yes.part").mkdir()
    (folder / "yes").rename(folder / ".yes.part" / "half")
    kept = (folder / "hey_sotto").stat().st_mtime_ns
    make(folder)
    assert (folder / "hey_sotto").stat().st_mtime_ns == kept
    assert not (folder / ".yes.part").exists()
    expected = corpus_fingerprint(scan(spoken, WORDS))
    assert corpus_fingerprint(scan(folder, WORDS)) == expected


class Interrupting(Silent):
    """Presses Ctrl-C when the first folder is done."""

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Interrupting]:  # type: ignore[override]
        yield self

    def advance(self, steps: float = 1.0, detail: str | None = None) -> None:
        if detail is not None:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_whole_folders_only(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    arguments = {"sample_rate_hz": 16_000, "clip_samples": 16_000, "seed": 7}
    with pytest.raises(KeyboardInterrupt):
        synthesise(WORDS, CONFIG, folder, progress=Interrupting(), **arguments)
    made = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    assert made
    assert {len(list(path.iterdir())) for path in made} == {10}


def test_another_folder_is_not_touched(spoken: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.wav").write_text("precious")
    with pytest.raises(UserError, match="was not made by speech synthesis"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.wav"]
    with pytest.raises(UserError, match="other settings"):
        make(spoken, config=replace(CONFIG, speakers=5))
    assert (spoken / SETTINGS_FILE).is_file()


def test_more_speakers_than_voices_is_an_error(tmp_path: Path) -> None:
    voices = len(variants()) * len(ACCENTS)
    assert len(set(choose_speakers(voices, seed=1))) == voices
    with pytest.raises(UserError, match=f"{voices + 1} speakers are wanted"):
        make(tmp_path / "corpus", config=replace(CONFIG, speakers=voices + 1))
    assert not (tmp_path / "corpus").exists()


def test_speakers_differ_in_vocal_tract_as_long_as_they_can() -> None:
    names = choose_speakers(len(variants()), seed=3)
    assert len({name.split("+")[1] for name in names}) == len(names)
    assert len({name.split("+")[0] for name in names}) == len(ACCENTS)


def test_homophones_are_not_other_words() -> None:
    assert phonemes("know") == phonemes("no")
    assert phonemes("now") != phonemes("no")
    assert phonemes("first, second") != phonemes("first")
    assert other_words(("no",), ("know", "now", "no")) == ("now",)
    assert not set(other_words(KEYWORDS)) & set(KEYWORDS)


def test_ipa_names_phonemes_without_stress() -> None:
    assert ipa("hey") == ("h", "eɪ")
    assert ipa("church, alexa") == ("tʃ", "ɜː", "tʃ", "ɐ", "l", "ɛ", "k", "s", "ə")
    assert ipa("...") == ()


def test_the_unknown_class_may_have_a_count_of_its_own(tmp_path: Path) -> None:
    words = WordsConfig(keywords=("yes",), silence=False)
    folder = make(tmp_path / "corpus", words, replace(CONFIG, unknown_clips=14))
    counts = Counter(clip.label for clip in scan(folder, words).clips)
    assert counts == {"yes": 10, "_unknown_": 14}


def test_other_words_that_are_all_keywords_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown_words"):
        make(tmp_path / "corpus", config=replace(CONFIG, unknown_words=("yes",)))


def pitch_hz(pcm: np.ndarray, rate_hz: int) -> float:
    """Fundamental frequency of the loudest 60 ms, by autocorrelation."""
    size = round(0.06 * rate_hz)
    energy = np.convolve(pcm.astype(np.float64) ** 2, np.ones(size), "valid")
    frame = pcm[int(np.argmax(energy)) :][:size].astype(np.float64)
    correlation = np.correlate(frame, frame, "full")[size - 1 :]
    shortest = rate_hz // 400
    return rate_hz / (shortest + int(np.argmax(correlation[shortest : rate_hz // 60])))


def test_a_voice_has_the_pitch_and_speed_that_it_is_given() -> None:
    said = {
        name: speak("no", voice)
        for name, voice in {
            "plain": VOICE,
            "high": replace(VOICE, pitch=90),
            "low": replace(VOICE, pitch=10),
            "fast": replace(VOICE, words_per_minute=240),
            "woman": replace(VOICE, variant="f2"),
        }.items()
    }
    assert {rate_hz for _, rate_hz in said.values()} == {22_050}
    assert all(pcm.dtype == np.int16 for pcm, _ in said.values())
    hz = {name: pitch_hz(*speech) for name, speech in said.items()}
    assert hz["low"] * 1.2 < hz["plain"] < hz["high"] / 1.2
    assert hz["woman"] > 1.2 * hz["plain"]
    assert said["fast"][0].size < 0.9 * said["plain"][0].size


@pytest.mark.parametrize("accent", ACCENTS)
def test_every_accent_is_there(accent: str) -> None:
    pcm, _ = speak("stop", replace(VOICE, accent=accent))
    assert np.abs(pcm.astype(np.int32)).max() > 1_000


def test_what_cannot_be_said_is_an_error() -> None:
    with pytest.raises(UserError, match="cannot say"):
        speak("", VOICE)
    with pytest.raises(UserError, match="no voice"):
        speak("yes", replace(VOICE, accent="no-such-accent"))


def test_an_error_in_a_worker_process_reaches_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='cannot say "\'"') as caught:
        make(tmp_path / "corpus", words=WordsConfig(keywords=("'", "yes"), unknown=False))
    assert "respell" in caught.value.remedy


def test_a_path_too_long_for_espeak_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak.espeakng_loader, "get_data_path", lambda: "/" + "x" * 300)
    with pytest.raises(UserError, match="path of 301 bytes"):
        espeak._Engine()


def test_the_helper_speaks_where_there_are_no_recordings(tmp_path: Path) -> None:
    found = find_speech(None, tmp_path / "spoken")
    assert found.source == "synthesised"
    assert {clip.label for clip in scan(found.folder, found.words).clips} == set(found.words.labels)
