"""`sotto words` from the shell: what it writes, what it refuses, and once all the way to C."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.errors import EXIT_INTERRUPTED
from training.audio.espeak import Voice, speak, variants
from training.recipe import load_recipe
from training.words import confusable, corpus, plan, prepare

PEOPLE = 24
LABELS = ("alexa", "_unknown_", "_silence_")


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, ["words", *map(str, arguments)])


def assert_clear_error(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    for word in ("error:", "next step:", *words):
        assert word in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output


def say(folder: Path, text: str, people: int) -> None:
    folder.mkdir(parents=True)
    for person in range(people):
        speech, rate_hz = speak(text, Voice("en-US", variants()[2 * person], 150, 50, 50))
        rng = np.random.default_rng(person)
        samples = 30.0 * rng.standard_normal(speech.size + 22_050)
        samples[9_000 : 9_000 + speech.size] += 0.5 * speech
        soundfile.write(folder / f"p{person}.wav", np.rint(samples).astype(np.int16), rate_hz)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    say(folder / "Alexa", "alexa", PEOPLE)
    say(folder / "garden", "garden", 12)
    (folder / "Alexa" / "notes.wav").write_text("not audio")
    (folder / "garden" / "torn.flac").write_text("not audio either")
    return folder


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Few voices and a short vocabulary, so that each test takes seconds."""
    read = confusable.read_vocabulary
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_SPOKEN_CLIPS", ((0, 12),))
        patch.setattr(plan, "_SPOKEN_UNKNOWN_CLIPS", 12)
        patch.setattr(plan, "_VOICES", 6)
        patch.setattr(plan, "_MOST_CUTS", 2)
        for module in (confusable, prepare):
            patch.setattr(module, "read_vocabulary", lambda progress: read(progress, words=800))
        yield


@pytest.fixture(scope="module")
def prepared(
    small: None, recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    """Work folder of a dry run that nobody disturbed, and what it printed."""
    work = tmp_path_factory.mktemp("prepared") / "work"
    return work, sotto("alexa", "--from", recordings, "--work", work, "--dry-run", "--json")


def test_a_dry_run_leaves_recipe_corpus_and_page(
    recordings: Path, prepared: tuple[Path, Result]
) -> None:
    work, result = prepared
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["recipe"] == str(work / "alexa.toml")
    assert {row["label"] for row in told["clips"]} == {"alexa", "_unknown_"}
    assert len(told["recordings"]["alexa"]) == PEOPLE + 1
    assert [row["left_out"] != "" for row in told["recordings"]["alexa"]].count(True) == 1
    assert "notes.wav" in result.stderr
    (torn,) = told["other_speech_left_out"]
    assert "torn.flac: cannot be read" in torn
    assert "other speech left out: " in result.stderr
    page = (work / "recordings.html").read_text()
    assert page.count("<audio") == PEOPLE + 1
    assert page.index("notes.wav") < page.index("p0.wav")
    again = sotto("alexa", "--from", recordings, "--work", work, "--dry-run")
    assert again.exit_code == 0
    assert again.stderr.count("taken from the cache") == 3
    assert str(work / "corpus" / "training") in again.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_interrupted_run_goes_on_to_the_same_corpus(
    recordings: Path,
    prepared: tuple[Path, Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ("alexa", "--from", recordings, "--work", tmp_path / "work", "--dry-run")
    write, written = corpus._write, []

    def interrupted(path: Path, *rest: object) -> None:
        if len(written) == 10:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(corpus, "_write", interrupted)
        broken = sotto(*arguments)
    assert broken.exit_code == EXIT_INTERRUPTED
    assert "run the same command to resume" in broken.stderr
    assert not (tmp_path / "work" / "alexa.toml").exists()
    resumed = sotto(*arguments)
    assert resumed.exit_code == 0, resumed.output
    for stage in ("words-found", "words-spoken"):
        assert f"{stage}: taken from the cache" in resumed.stderr
    assert "words-corpus: running" in resumed.stderr
    assert contents(tmp_path / "work" / "corpus") == contents(prepared[0] / "corpus")


def test_an_edited_recipe_is_kept_and_run_to_generated_c(
    recordings: Path,
    prepared: tuple[Path, Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.stages.ROOMS", 2)
    work, out = tmp_path / "work", tmp_path / "generated"
    shutil.copytree(prepared[0], work, symlinks=True)
    recipe = work / "alexa.toml"
    edited = re.sub(r"\[\[teachers\]\].*", _TINY_NETWORKS, recipe.read_text(), flags=re.DOTALL)
    recipe.write_text(re.sub(r"passes = \d+", "passes = 2", edited))
    result = sotto(
        *("alexa", "--from", recordings, "--work", work, "--out", out, "--rounds", "2"),
        *("--board", "host", "--limit", "6", "--jobs", "1", "--json"),
    )
    assert result.exit_code == 0, result.output
    assert "was edited and is kept" in result.stderr
    assert "train as such" in result.stderr
    assert json.loads(result.stdout)["recipe"] == str(recipe)
    assert tuple(json.loads((out / "manifest.json").read_text())["labels"]) == LABELS
    page = (work / "report.html").read_text()
    assert "Prepared by sotto words. _unknown_: " in page
    assert json.loads((work / "report.json").read_text())["results"]["data"]["test"]["clips"] > 8


_TINY_NETWORKS = """\
[[teachers]]
width = 8
blocks = 1
epochs = 1

[student]
width = 8
blocks = 1
epochs = 1
"""


def test_without_recordings_the_user_is_warned(tmp_path: Path) -> None:
    result = sotto('what\'s "on"', "--work", tmp_path, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "has no recordings" in result.stderr
    assert "synthesised speech only" in result.stderr
    recipe = load_recipe(tmp_path / "whats_on.toml")
    assert recipe.words.keywords == ('what\'s_"on"',)
    assert recipe.name == "whats_on"
    assert not (tmp_path / "recordings.html").exists()


def test_confusable_words_are_listed() -> None:
    result = sotto("no", "computer", "--list-confusables", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["no"]["phonemes"] == ["n", "oʊ"]
    assert told["no"]["near"][0]["distance"] == 0.0
    assert "short" in told["no"]["advice"][0]
    table = sotto("no", "--list-confusables")
    assert "counts as the word" in table.stdout
    assert "warning: 'no' is short" in table.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("привет",), "not Latin"),
        (("?!",), "cannot say"),
        (("stop", "Stop"), "stands twice"),
        (("alexa", "--from", "missing"), "no such folder"),
        (("alexa", "--negatives", "missing"), "no such folder"),
        (("alexa", "--from", ".", "--speaker-pattern", "("), "no regular expression"),
    ],
)
def test_bad_arguments_end_in_a_next_step(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_clear_error(sotto(*arguments), said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sound", ["silence", "text"])
def test_recordings_without_any_speech_are_an_error(sound: str, tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / f"{number}.wav"
        if sound == "silence":
            soundfile.write(path, np.zeros(32_000, np.int16), 16_000)
        else:
            path.write_text("these are words on paper")
    result = sotto("alexa", "--from", tmp_path, "--work", tmp_path / "work", "--dry-run")
    assert_clear_error(result, "none of the 3 recordings of 'alexa' can be used", "0.wav")
    assert not (tmp_path / "work" / "alexa.toml").exists()


def test_a_single_recording_trains_and_nothing_is_claimed(recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "alexa"
    folder.mkdir()
    shutil.copy(recordings / "Alexa" / "p0.wav", folder)
    work = tmp_path / "work"
    result = sotto("alexa", "--from", folder, "--work", work, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    assert "'alexa' has 1 recordings, all of which train" in result.stderr
    rows = [row for row in json.loads(result.stdout)["clips"] if row["label"] == "alexa"]
    assert {row["set"] for row in rows if row["kind"] == "recorded"} == {"train"}
    assert {row["set"] for row in rows} == {"train", "validation", "test"}
