"""Board against host: what is compared, how a difference is named, how a run breaks off."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_boards import (
    INFO,
    LABELS,
    MANIFEST,
    Dying,
    FakeBoard,
    FlippedFeature,
    WrongChecksum,
    WrongDecision,
    WrongScore,
    clips_of,
    write_clips,
)

from host_tools.errors import EXIT_USAGE, Interrupted, SottoError
from host_tools.journal import Journal, journal_path
from host_tools.labelled import choose_balanced
from host_tools.progress import NoBar
from host_tools.validate import Outcome, Pair, compare_clip, run_clips, sum_up, timing

GO_ON = "add --resume to go on"
PCM = np.array([3, 9, 5, *range(1_597)], np.int16)


def test_equal_devices_have_no_divergence() -> None:
    outcome = compare_clip(Pair(FakeBoard(), FakeBoard()), "yes/1.wav", 1, PCM)
    assert outcome.divergence is None
    assert (outcome.same_features, outcome.same_scores, outcome.same_decision) == (True,) * 3
    assert outcome.decision == 1
    assert outcome.pcm_crc32 == zlib.crc32(PCM.astype("<i2").tobytes())


@pytest.mark.parametrize(
    ("board", "same", "words"),
    [
        (
            FlippedFeature(),
            (False, True, True),
            "yes/1.wav: features, frame 2, bin 1: board 5, host 4",
        ),
        (WrongChecksum(), (False, True, True), "yes/1.wav: checksum: board 7, host "),
        (WrongScore(), (True, False, True), "yes/1.wav: scores, class no: board 10, host 9"),
        (WrongDecision(), (True, True, False), "yes/1.wav: decision: board yes, host no"),
    ],
)
def test_first_divergence_is_named(
    board: FakeBoard, same: tuple[bool, bool, bool], words: str
) -> None:
    outcome = compare_clip(Pair(board, FakeBoard()), "yes/1.wav", 0, PCM)
    assert (outcome.same_features, outcome.same_scores, outcome.same_decision) == same
    assert outcome.divergence is not None
    assert outcome.divergence.describe(LABELS).startswith(words)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "data")


def run(data: Path, pairs: list[Pair], journal: Path, *, resume: bool = False) -> list[Outcome]:
    with Journal(journal, resume=resume) as open_journal:
        return run_clips(pairs, clips_of(data), data, MANIFEST, open_journal, NoBar(), GO_ON)


def test_outcomes_are_in_the_clips_order_and_summed_up(data: Path, tmp_path: Path) -> None:
    pairs = [Pair(FakeBoard(), FakeBoard()) for _ in range(3)]
    outcomes = run(data, pairs, tmp_path / "j.jsonl")
    assert [o.clip for o in outcomes] == [f"{w}/{n}.wav" for w in ("no", "yes") for n in range(6)]
    result = sum_up(outcomes, timing(outcomes, "instructions"), INFO, MANIFEST)
    assert result.identical
    hits = sum(o.label == o.decision for o in outcomes)
    document = json.loads(json.dumps(result.to_json()))
    assert document["clips"] == document["identical_features"] == document["identical_scores"] == 12
    assert document["accuracy"] == hits / 12
    assert [sum(row) for row in document["confusion"]] == [6, 6, 0]
    assert document["instructions_per_frame"] == 100
    assert document["instructions_per_inference"] == 5_000
    assert document["first_divergence"] is None
    assert document["model_hash"] == MANIFEST.model_hash


def test_unit_of_two_words_gives_a_key_of_one(data: Path, tmp_path: Path) -> None:
    outcomes = run(data, [Pair(FakeBoard(), FakeBoard())], tmp_path / "j.jsonl")
    result = sum_up(outcomes, timing(outcomes, "timer ticks"), INFO, MANIFEST)
    assert result.to_json()["timer_ticks_per_frame"] == 100


def test_a_difference_on_any_worker_makes_the_result_not_identical(
    data: Path, tmp_path: Path
) -> None:
    pairs = [Pair(FlippedFeature(), FakeBoard())]
    outcomes = run(data, pairs, tmp_path / "j.jsonl")
    result = sum_up(outcomes, timing(outcomes, "instructions"), INFO, MANIFEST)
    assert not result.identical
    assert result.identical_features == 0
    assert result.first_divergence is not None
    assert result.first_divergence.clip == "no/0.wav"


def test_board_that_stops_in_the_middle_says_how_far_it_got(data: Path, tmp_path: Path) -> None:
    error = SottoError("the board does not answer.", "Reset it.")
    pairs = [Pair(Dying(5, error), FakeBoard())]
    with pytest.raises(SottoError) as caught:
        run(data, pairs, tmp_path / "j.jsonl")
    assert "the board does not answer. 5 of 12 clips were done." in caught.value.message
    assert "--resume" in caught.value.remedy


def test_resume_streams_only_what_is_missing(data: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    with pytest.raises(SottoError):
        run(data, [Pair(Dying(5, SottoError("gone.", "")), FakeBoard())], journal)
    board = FakeBoard()
    outcomes = run(data, [Pair(board, FakeBoard())], journal, resume=True)
    assert (len(outcomes), board.clips) == (12, 7)
    assert not journal.exists()


def test_without_resume_everything_is_streamed_again(data: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    with pytest.raises(SottoError):
        run(data, [Pair(Dying(5, SottoError("gone.", "")), FakeBoard())], journal)
    board = FakeBoard()
    run(data, [Pair(board, FakeBoard())], journal)
    assert board.clips == 12


def test_a_changed_clip_is_streamed_again_on_resume(data: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    with pytest.raises(SottoError):
        run(data, [Pair(Dying(5, SottoError("gone.", "")), FakeBoard())], journal)
    soundfile.write(data / "no" / "0.wav", np.ones(1_600, np.int16), 16_000)
    board = FakeBoard()
    run(data, [Pair(board, FakeBoard())], journal, resume=True)
    assert board.clips == 8


def test_a_torn_last_line_of_the_journal_is_dropped(data: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    with pytest.raises(SottoError):
        run(data, [Pair(Dying(5, SottoError("gone.", "")), FakeBoard())], journal)
    journal.write_bytes(journal.read_bytes()[:-20])
    board = FakeBoard()
    run(data, [Pair(board, FakeBoard())], journal, resume=True)
    assert board.clips == 8


def test_interruption_says_how_to_go_on(data: Path, tmp_path: Path) -> None:
    pairs = [Pair(Dying(2, KeyboardInterrupt()), FakeBoard())]
    with pytest.raises(Interrupted) as caught:
        run(data, pairs, tmp_path / "j.jsonl")
    assert caught.value.message.startswith(f"interrupted after 2 of 12 clips; {GO_ON}")


def test_one_failing_board_stops_the_others(data: Path, tmp_path: Path) -> None:
    failing, good = Dying(0, SottoError("gone.", "")), FakeBoard()
    many = clips_of(data) * 10_000
    pairs = [Pair(failing, FakeBoard()), Pair(good, FakeBoard())]
    with Journal(tmp_path / "j.jsonl", resume=False) as journal, pytest.raises(SottoError):
        run_clips(pairs, many, data, MANIFEST, journal, NoBar(), GO_ON)
    assert good.clips < len(many) - 1


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal(path, resume=False) as first:
        first.append({"clip": "a"})
        with pytest.raises(SottoError, match="another process writes") as caught:
            Journal(path, resume=False)
        assert caught.value.exit_code == EXIT_USAGE
        assert path.read_text() == '{"clip":"a"}\n'
    assert not path.exists()


def test_journals_of_different_firmware_have_different_names(tmp_path: Path) -> None:
    one = journal_path(tmp_path, ["model", "elf 1", "board"])
    assert one != journal_path(tmp_path, ["model", "elf 2", "board"])
    assert one == journal_path(tmp_path, ["model", "elf 1", "board"])


def test_limit_is_balanced_and_the_same_every_time(data: Path) -> None:
    clips = clips_of(data)
    chosen = choose_balanced(clips, 6)
    assert [clip.label for clip in chosen].count(0) == 3
    assert chosen == choose_balanced(clips, 6)
    assert choose_balanced(clips, None) == choose_balanced(clips, 99) == clips
    uneven = clips[:1] + clips[6:]
    assert len(choose_balanced(uneven, 5)) == 5
