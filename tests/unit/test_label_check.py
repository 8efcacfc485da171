"""Wrong labels are found by folds of speakers, and what people decide about them counts.

Recordings are synthesised: two "words", a tone and a hiss, and a few files in the wrong folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from host_tools.cli import app
from host_tools.files import write_unless_edited
from host_tools.report.label_check import write_check
from training import stages
from training.audio.corpus import scan
from training.audio.corrections import load_corrections
from training.check import (
    CheckResult,
    Doubt,
    Effort,
    check,
    doubtful_clips_text,
    find_doubtful,
    simplified,
)
from training.errors import UserError
from training.progress import Silent
from training.recipe import AugmentConfig, QuantisationConfig, Recipe, StudentConfig, WordsConfig
from training.stages import source

RATE_HZ = 16_000
SPEAKERS, CLIPS_PER_SPEAKER = 12, 2
KEYWORDS = ("tone", "hiss")
WRONG = {
    "tone/s02_nohash_7.wav": "hiss",
    "hiss/s05_nohash_8.wav": "tone",
    "tone/s07_nohash_9.wav": "hiss",
}
"""What is said in files that lie in the wrong folder."""
EFFORT = Effort(
    folds=3,
    networks=1,
    passes=2,
    clips_seen=2_500,
    network=StudentConfig(width=8, blocks=1, batch_clips=8, learning_rate=0.02, averaging=0.8),
)
WORDS = WordsConfig(KEYWORDS, unknown=False, silence=False)
RECIPE = Recipe(
    "sounds", WORDS, augment=AugmentConfig(noise_probability=0.0, voice_probability=0.0)
)


def say(path: Path, word: str, rng: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = rng.normal(0.0, 2_000.0 if word == "hiss" else 20.0, RATE_HZ)
    if word == "tone":
        pitch_hz = rng.uniform(500.0, 1_000.0)
        pcm += 8_000 * np.sin(2 * np.pi * pitch_hz * np.arange(RATE_HZ) / RATE_HZ)
    soundfile.write(path, pcm.astype(np.int16), RATE_HZ, subtype="PCM_16")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(1)
    for word in KEYWORDS:
        for speaker in range(SPEAKERS):
            for number in range(CLIPS_PER_SPEAKER):
                say(root / word / f"s{speaker:02d}_nohash_{number}.wav", word, rng)
    for name, word in WRONG.items():
        say(root / name, word, rng)
    return root


class Notes(Silent):
    """Keeps what is said; stands for Ctrl-C at one of the notes."""

    def __init__(self, breaks_at: str = "") -> None:
        self.breaks_at = breaks_at
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
        if text == self.breaks_at:
            raise KeyboardInterrupt


@pytest.fixture(scope="module", autouse=True)
def few_rooms() -> Iterator[None]:
    """To simulate rooms takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "ROOMS", 2)
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def notes() -> list[str]:
    """Of the check in `found` after it was interrupted."""
    return []


@pytest.fixture(scope="module")
def found(recordings: Path, cache: Path, notes: list[str]) -> CheckResult:
    with pytest.raises(KeyboardInterrupt):
        check(RECIPE, recordings, cache, Notes("fold 3 of 3"), effort=EFFORT)
    resumed = Notes()
    result = check(RECIPE, recordings, cache, resumed, effort=EFFORT)
    notes += resumed.notes
    return result


def test_clips_in_the_wrong_folder_are_listed_first(found: CheckResult) -> None:
    assert {one.clip: one.heard for one in found.doubts[: len(WRONG)]} == WRONG
    assert found.clips == 2 * SPEAKERS * CLIPS_PER_SPEAKER + len(WRONG)
    assert found.speakers == SPEAKERS
    assert found.agreement >= 0.8
    for one in found.doubts:
        assert one.label == one.clip.split("/")[0]
        assert one.speaker == one.clip.split("/")[1].split("_")[0]
        assert one.heard_probability > one.label_probability


def test_an_interrupted_check_goes_on_with_the_fold_that_is_not_done(
    found: CheckResult, notes: list[str]
) -> None:
    assert found.folds == 3
    third = notes.index("fold 3 of 3")
    assert not [note for note in notes[:third] if note.endswith("running")]
    assert "student-labels-only: running" in notes[third:]


def test_what_was_found_right_by_hand_is_not_listed_again_and_costs_no_training(
    recordings: Path, cache: Path, tmp_path: Path, found: CheckResult
) -> None:
    right = [f"{one.clip} -> {one.label}" for one in found.doubts[1:]]
    (tmp_path / "judged.txt").write_text("\n".join(right))
    named = replace(RECIPE, data=replace(RECIPE.data, corrections="judged.txt"))
    progress = Notes()
    again = check(named, recordings, cache, progress, recipe_folder=tmp_path, effort=EFFORT)
    assert again.doubts == found.doubts[:1]
    assert again.judged == len(right)
    assert not [note for note in progress.notes if note.endswith("running")]
    corpus = scan(recordings, WORDS, load_corrections(tmp_path / "judged.txt"))
    assert source(corpus) == f"folders of words; {len(right)} clips judged by hand"


def test_the_list_leaves_out_what_it_names(
    recordings: Path, tmp_path: Path, found: CheckResult
) -> None:
    (tmp_path / "doubtful.txt").write_text(doubtful_clips_text(found))
    kept = scan(recordings, WORDS, load_corrections(tmp_path / "doubtful.txt")).clips
    assert len(kept) == found.clips - len(found.doubts)
    assert not {clip.name for clip in kept} & set(WRONG)


def test_a_class_that_is_often_confused_must_be_heard_with_its_usual_certainty() -> None:
    probabilities = np.array(
        [[0.9, 0.1], [0.95, 0.05], [0.4, 0.6], [0.45, 0.55], [0.3, 0.7], [0.97, 0.03], [0.8, 0.2]]
    )
    targets = np.array([0, 0, 1, 1, 0, 1, 1])
    # Class 1 is heard with 0.345 on average, so row 4 is doubtful at 0.7; class 0 with 0.717, so
    # row 5 is at 0.97 and row 6 at 0.8. The surest is first.
    assert find_doubtful(probabilities, targets).tolist() == [5, 6, 4]
    surer = probabilities.copy()
    surer[6] = [0.6, 0.4]
    assert find_doubtful(surer, targets).tolist() == [5, 4]


def test_networks_of_a_check_fit_into_any_recipe() -> None:
    tuned = replace(RECIPE, quantisation=QuantisationConfig("fine_tuning"))
    own = simplified(tuned, Effort())
    assert own.student == Effort().network
    assert own.augment.passes == Effort().passes
    assert (own.words, own.frontend, own.data) == (tuned.words, tuned.frontend, tuned.data)


def test_corrections_leave_clips_out_and_change_labels(recordings: Path, tmp_path: Path) -> None:
    path = tmp_path / "judged.txt"
    path.write_text(
        "# by me\n\ntone/s02_nohash_7.wav\n"
        "hiss/s05_nohash_8.wav -> tone\ntone/s00_nohash_0.wav -> tone\n"
    )
    plain = {clip.name: clip for clip in scan(recordings, WORDS).clips}
    changed = {clip.name: clip for clip in scan(recordings, WORDS, load_corrections(path)).clips}
    assert set(plain) - set(changed) == {"tone/s02_nohash_7.wav"}
    assert changed["hiss/s05_nohash_8.wav"].label == changed["hiss/s05_nohash_8.wav"].word == "tone"
    assert {name for name in changed if changed[name] != plain[name]} == {"hiss/s05_nohash_8.wav"}


def test_a_word_outside_the_recipe_may_turn_out_to_be_a_keyword(
    recordings: Path, tmp_path: Path
) -> None:
    path = tmp_path / "judged.txt"
    path.write_text("tone/s07_nohash_9.wav -> hiss\nhiss/s01_nohash_0.wav -> _unknown_\n")
    words = WordsConfig(("hiss",), silence=False)
    labels = {
        clip.name: clip.label for clip in scan(recordings, words, load_corrections(path)).clips
    }
    assert labels["tone/s07_nohash_9.wav"] == "hiss"
    assert labels["hiss/s01_nohash_0.wav"] == "_unknown_"


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("# a\ntone/gone.wav\n", 2, "there is no clip 'tone/gone.wav'"),
        ("tone/s00_nohash_0.wav -> hihg\n", 1, "'hihg' is neither a label nor a folder"),
        ("tone/s00_nohash_0.wav\n\ntone/s00_nohash_0.wav -> hiss\n", 3, "stands on line 1 already"),
    ],
)
def test_a_line_that_means_nothing_is_named(
    recordings: Path, tmp_path: Path, text: str, line: int, part: str
) -> None:
    path = tmp_path / "judged.txt"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        scan(recordings, WORDS, load_corrections(path))
    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert part in caught.value.message
    assert caught.value.remedy


def test_a_file_of_corrections_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.txt: cannot be read") as caught:
        load_corrections(tmp_path / "gone.txt")
    assert "data.corrections" in caught.value.remedy


@pytest.fixture
def checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[Path, Callable[..., tuple[int, str, str]]]:
    """A verb whose training is played, and the folder that it runs in."""
    clip = tmp_path / "data" / "yes" / 'a "1" #2.wav'
    doubt = Doubt(f"yes/{clip.name}", str(clip), None, "yes", "<no>", 0.991, 0.004)
    result = CheckResult(str(tmp_path / "data"), 9, 0, 4, 2, 0.875, 0, (doubt,), ("b.wav: torn",))

    def played(recipe: Recipe, data: Path, cache: Path, *_: object, **named: object) -> CheckResult:
        assert cache == tmp_path / "work" / "cache"
        assert named["effort"] == Effort(folds=5)
        assert named["recipe_folder"] == tmp_path
        return result

    monkeypatch.setattr("training.check.check", played)
    clip.parent.mkdir(parents=True)
    clip.touch()
    (tmp_path / "r.toml").write_text('name = "mine"\n[words]\nkeywords = ["yes"]\n')

    def run(*options: str) -> tuple[int, str, str]:
        where = ["--data", str(tmp_path / "data"), "--work", str(tmp_path / "work")]
        done = CliRunner().invoke(
            app, ["data", "check", str(tmp_path / "r.toml"), *where, "--folds", "5", *options]
        )
        return done.exit_code, done.stdout, done.stderr

    return tmp_path / "work" / "check", run


def test_the_verb_writes_a_page_with_players_and_a_list_to_edit(
    checked: tuple[Path, Callable[..., tuple[int, str, str]]],
) -> None:
    folder, run = checked
    code, out, _ = run()
    assert code == 0
    assert "9 clips" in out
    assert "87.5%" in out
    assert str(folder / "doubtful.txt") in out
    page = (folder / "check.html").read_text()
    assert '<audio controls preload="none" src="../../data/yes/a%20%221%22%20%232.wav">' in page
    assert "&lt;no&gt;" in page
    assert "99.1%" in page
    assert "b.wav: torn" in page
    assert list(load_corrections(folder / "doubtful.txt").clips) == ['yes/a "1" #2.wav']
    (folder / "doubtful.txt").write_text("# mine\n")
    code, out, talk = run("--json")
    document = json.loads(out)
    assert document["doubts"][0]["heard"] == "<no>"
    assert document["corrections"] == str(folder / "doubtful.written.txt")
    assert "was edited and is kept" in talk
    assert (folder / "doubtful.txt").read_text() == "# mine\n"
    assert json.loads((folder / "check.json").read_text())["agreement"] == 0.875


def test_a_page_without_doubts_has_no_table(tmp_path: Path) -> None:
    nothing = CheckResult("data", 9, 3, 4, 2, 1.0, 2, (), ())
    page = write_check(vars(nothing), tmp_path).read_text()
    assert "Doubtful labels: 0" in page
    assert "2 clips are judged by hand" in page
    assert "<table>" not in page


def test_an_edited_file_is_kept_until_it_is_removed(tmp_path: Path) -> None:
    path, copy = tmp_path / "list.txt", tmp_path / "list.written.txt"
    assert write_unless_edited(path, b"1") == path
    assert write_unless_edited(path, b"2") == path
    path.write_bytes(b"mine")
    assert write_unless_edited(path, b"3") == copy
    assert (path.read_bytes(), copy.read_bytes()) == (b"mine", b"3")
    path.unlink()
    assert write_unless_edited(path, b"4") == path
