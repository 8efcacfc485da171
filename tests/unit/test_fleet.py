"""Many boards at once: each gets its verdict, and the first place where two differ is named."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
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
from rich.console import Console
from typer.testing import CliRunner

from host_tools import cli, fleet
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_USAGE, Interrupted, SottoError
from host_tools.fleet import Subject, Verdict, Work, compare_boards, validate_fleet
from host_tools.link.device import Device
from host_tools.link.messages import BoardInfo
from host_tools.progress import Progress, Silent, TerminalProgress
from host_tools.report.fleet import write_fleet_report
from host_tools.rig import Rig
from host_tools.validate import Pair

CLIPS = 12
UNPLUGGED = SottoError("lost the board at B: the port is gone.", "Check the cable.")

Fleet = Callable[..., list[Verdict]]


class Named(FakeBoard):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def info(self) -> BoardInfo:
        return replace(INFO, board=self.name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "data")


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, FakeBoard]], None]:
    """`plug_in({port: board})`: what a rig at each port holds."""

    def plug(boards: dict[str, FakeBoard]) -> None:
        @contextmanager
        def rig(subject: Subject, *_: object) -> Iterator[Rig]:
            board = boards[subject.name]
            yield Rig((Pair(board, FakeBoard()),), (cast(Device, board),), (), subject.name)

        monkeypatch.setattr(fleet, "_rig", rig)
        monkeypatch.setattr(fleet, "_stage_by_stage", lambda *_: None)  # fakes have one stage

    return plug


@pytest.fixture
def run(data: Path, tmp_path: Path, plug_in: Callable[..., None]) -> Fleet:
    def validate(
        boards: dict[str, FakeBoard], *, resume: bool = False, progress: Progress | None = None
    ) -> list[Verdict]:
        plug_in(boards)
        go_on = "add --resume to go on"
        clips = clips_of(data)
        work = Work(clips, data, MANIFEST, tmp_path, resume, go_on, progress or Silent())
        return validate_fleet([Subject(port=name) for name in boards], work)

    return validate


def test_equal_boards_are_identical_to_each_other(run: Fleet) -> None:
    verdicts = run({"A": Named("one"), "B": Named("two"), "C": Named("three")})
    assert [verdict.title for verdict in verdicts] == ["one at A", "two at B", "three at C"]
    assert all(v.validation is not None and v.validation.identical for v in verdicts)
    comparisons = compare_boards(verdicts)
    assert [one.boards for one in comparisons] == [
        ("one at A", "two at B"),
        ("one at A", "three at C"),
        ("two at B", "three at C"),
    ]
    for one in comparisons:
        assert one.clips == one.identical_features == one.identical_scores == CLIPS
        assert one.identical_decisions == CLIPS
        assert one.first_difference is None


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (FlippedFeature, FakeBoard, "no/0.wav: features, frame 2, bin 1: "),
        (FakeBoard, FlippedFeature, "no/0.wav: features, frame 2, bin 1: "),
        (FlippedFeature, WrongChecksum, "no/0.wav: features, CRC-32: "),
        (FakeBoard, WrongScore, "no/0.wav: scores, class no: "),
        (FakeBoard, WrongDecision, ": decision: "),
    ],
)
def test_the_first_difference_of_two_boards_is_named(
    first: type[FakeBoard], second: type[FakeBoard], words: str, run: Fleet
) -> None:
    verdicts = run({"A": first(), "B": second()})
    (comparison,) = compare_boards(verdicts)
    assert comparison.first_difference is not None
    assert words in comparison.first_difference.describe(LABELS)
    same = {
        "features": comparison.identical_features,
        "scores": comparison.identical_scores,
        "decision": comparison.identical_decisions,
    }
    assert same[comparison.first_difference.stage] < CLIPS


def test_values_stand_in_the_order_of_the_boards(run: Fleet) -> None:
    values = []
    for boards in ((FlippedFeature(), FakeBoard()), (FakeBoard(), FlippedFeature())):
        (one,) = compare_boards(run(dict(zip("AB", boards, strict=True))))
        assert one.first_difference is not None
        values.append(one.first_difference.values)
    assert values[0] == values[1][::-1]
    assert values[0][0] == values[0][1] + 1


def test_a_board_that_is_unplugged_does_not_stop_the_others(run: Fleet) -> None:
    good, lost, late = FakeBoard(), Dying(5, UNPLUGGED), FakeBoard()
    verdicts = run({"A": good, "B": lost, "C": late})
    assert (good.clips, late.clips) == (CLIPS, CLIPS)
    assert verdicts[1].validation is None
    assert verdicts[1].failure is not None
    assert "5 of 12 clips were done" in verdicts[1].failure.message
    assert len(verdicts[1].outcomes) == 5
    beside = {one.boards: one for one in compare_boards(verdicts)}
    assert beside["fake at A", "B"].clips == beside["fake at A", "B"].identical_scores == 5
    assert beside["fake at A", "fake at C"].clips == CLIPS


def test_only_the_board_that_failed_goes_on_where_it_was(run: Fleet) -> None:
    run({"A": FakeBoard(), "B": Dying(5, UNPLUGGED)})
    second = {"A": FakeBoard(), "B": FakeBoard()}
    verdicts = run(second, resume=True)
    assert second["B"].clips == CLIPS - 5
    assert verdicts[1].validation is not None
    assert verdicts[1].validation.clips == CLIPS


def test_an_interruption_stops_all_and_keeps_what_was_done(run: Fleet) -> None:
    with pytest.raises(Interrupted, match="add --resume to go on"):
        run({"A": Dying(3, KeyboardInterrupt()), "B": FakeBoard()})
    again = FakeBoard()
    run({"A": again, "B": FakeBoard()}, resume=True)
    assert again.clips == CLIPS - 3


def test_a_live_table_has_a_row_for_each_board(run: Fleet) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=240, color_system=None)
    run({"A": FlippedFeature(), "B": Dying(5, UNPLUGGED)}, progress=TerminalProgress(console))
    shown = screen.getvalue()
    for words in (
        "Validating A",
        "Validating B",
        "12 differ from the host",
        "failed: lost the board at B",
        "5/12",
    ):
        assert words in shown


def test_the_page_shows_boards_comparisons_and_failures(run: Fleet, tmp_path: Path) -> None:
    verdicts = run({"A": FlippedFeature(), "B": FakeBoard(), "C": Dying(1, UNPLUGGED)})
    out = tmp_path / "page"
    page = write_fleet_report(verdicts, compare_boards(verdicts), MANIFEST, tmp_path, out)
    text = page.read_text()
    assert "Boards beside each other" in text
    assert "frame 2, bin 1" in text
    assert "C failed</b> after 1 clips: lost the board at B" in text
    assert "Confusion on fake at A" in text
    assert "Memory of fake at A, fake at B" in text.partition("Left out")[2]
    facts = json.loads((out / "report.json").read_text())
    assert len(facts["comparisons"]) == 3


@pytest.mark.parametrize(
    ("boards", "exit_code"),
    [
        ({"A": FakeBoard, "B": FakeBoard}, 0),
        ({"A": FakeBoard, "B": WrongScore}, EXIT_CHECK_FAILED),
        ({"A": FakeBoard, "B": lambda: Dying(2, UNPLUGGED)}, EXIT_USAGE),
        ({"A": WrongScore, "B": lambda: Dying(2, UNPLUGGED)}, EXIT_CHECK_FAILED),
    ],
)
def test_the_verb_prints_all_boards_and_its_exit_code_tells_the_worst(
    boards: dict[str, Callable[[], FakeBoard]],
    exit_code: int,
    data: Path,
    tmp_path: Path,
    plug_in: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("host_tools.manifest.load_manifest", lambda _: MANIFEST)
    monkeypatch.setattr("host_tools.commands.validate.ROOT", tmp_path)
    ports = [part for name in boards for part in ("--port", name)]
    plug_in({name: make() for name, make in boards.items()})
    result = CliRunner().invoke(cli.app, ["validate", "--data", str(data), *ports])
    assert result.exit_code == exit_code, result.output
    assert "fake at A" in result.stdout
    plug_in({name: make() for name, make in boards.items()})
    result = CliRunner().invoke(cli.app, ["validate", "--data", str(data), *ports, "--json"])
    assert result.exit_code == exit_code, result.output
    document = json.loads(result.stdout)
    assert [board["at"] for board in document["boards"]] == ["A", "B"]
    (comparison,) = document["comparisons"]
    failures = [board for board in document["boards"] if board["failure"]]
    assert comparison["clips"] == (2 if failures else CLIPS)
    assert all(
        (board["validation"] is None) == bool(board["failure"]) for board in document["boards"]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "A", "--port", "A"], "A is named 2 times"),
        (["--all", "--port", "A"], "--all with --board or --port"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], words: str, data: Path) -> None:
    result = CliRunner().invoke(cli.app, ["validate", "--data", str(data), *arguments])
    assert result.exit_code == EXIT_USAGE
    assert words in result.stderr
