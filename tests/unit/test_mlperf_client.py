"""The benchmark's client: data sets, strange and silent boards, and how runs are counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from host_tools.errors import SottoError
from host_tools.link.transport import InRealTime, LinkLostError
from host_tools.mlperf import monitor as monitor_module
from host_tools.mlperf import run
from host_tools.mlperf.dataset import (
    Sample,
    is_dataset,
    read_dataset,
    sample_name,
    write_dataset,
)
from host_tools.mlperf.monitor import Identity, Monitor, RefusedCommandError
from host_tools.progress import Silent

IDENTITY = Identity("board", "profile", "kws01", "ab" * 32, "aot", "cycles", 4)
READY = "m-ready\r\n"


class ScriptedBoard(InRealTime):
    """A transport whose board answers by a function of the command."""

    def __init__(self, answer: Callable[[str], str], before: str = "") -> None:
        self.answer = answer
        self.commands: list[str] = []
        self.unsent = before
        self.partial = ""

    def write(self, data: bytes) -> None:
        *commands, self.partial = (self.partial + data.decode()).split("%")
        for command in commands:
            self.commands.append(command)
            self.unsent += self.answer(command)

    def read(self, timeout_s: float) -> bytes:
        piece, self.unsent = self.unsent[:7], self.unsent[7:]
        return piece.encode("latin-1")

    def close(self) -> None:
        pass


def reference(command: str) -> str:
    """What the benchmark's own reference firmware answers: it knows no command `sotto`."""
    name = command.split(" ")[0]
    answers = {
        "name": "m-name-dut-[unspecified]\r\n",
        "profile": "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[kws01]\r\n",
        "infer": "m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-2\r\nm-lap-us-1000\r\n"
        "m-lap-us-5000\r\nm-infer-done\r\nm-results-[0.100,0.700,0.200]\r\n",
        "db": "m-load-done\r\n" if command == "db 0304" else "",
    }
    return answers.get(name, f"e-[Unknown command: {name}]\r\n") + READY


def test_speaks_with_the_reference_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "BYTES_PER_COMMAND", 2)
    board = ScriptedBoard(reference, before="\xff half a line\r\nm-ready\r\ne-[old]\r\n")
    found = Monitor(board)
    found.synchronise(1)
    assert found.identity() == Identity(
        "unspecified", "ULPMark for tinyML Firmware V0.0.1", "kws01"
    )
    found.load(b"\1\2\3\4")
    assert board.commands[-3:] == ["db load 4", "db 0102", "db 0304"]
    inferences = found.infer(2, 0)
    assert board.commands[-1] == "infer 2 0"
    assert (inferences.elapsed_us, inferences.results) == (4000, "0.100,0.700,0.200")
    assert inferences.decision == 1


def test_a_refusal_is_an_error_in_the_boards_words() -> None:
    found = Monitor(ScriptedBoard(reference))
    with pytest.raises(RefusedCommandError, match="Unknown command: start"):
        found.ask("start")


@pytest.mark.parametrize(
    "answer",
    [
        READY,
        f"m-lap-us-1\r\nm-results-[1.0]\r\n{READY}",
        f"m-lap-us-1\r\nm-lap-us-2\r\n{READY}",
        f"m-lap-us-1\r\nm-lap-us-2\r\nm-results-[1.0,none]\r\n{READY}",
    ],
)
def test_answers_that_lack_something_are_errors(answer: str) -> None:
    with pytest.raises(SottoError, match="strange answer to 'infer'"):
        Monitor(ScriptedBoard(lambda _: answer)).infer(1, 0)


def test_a_load_that_does_not_end_is_an_error() -> None:
    with pytest.raises(SottoError, match="strange answer to 'db'"):
        Monitor(ScriptedBoard(lambda _: READY)).load(b"\0\0")


def test_silence_and_chatter_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "_GREETING_TIMEOUT_S", 0.01)
    with pytest.raises(SottoError, match="did not answer 'name'"):
        Monitor(ScriptedBoard(lambda _: "m-name")).ask("name", timeout_s=0.01)
    for answer in ("", "m-ready\r\n"):
        with pytest.raises(SottoError, match="does not answer as MLPerf") as caught:
            Monitor(ScriptedBoard(lambda _, text=answer: text)).synchronise(2)
        assert "--program mlperf" in caught.value.remedy


def test_a_lost_line_is_said() -> None:
    class Lost(ScriptedBoard):
        def read(self, timeout_s: float) -> bytes:
            raise LinkLostError("pulled out")

    with pytest.raises(SottoError, match="pulled out"):
        Monitor(Lost(reference)).ask("name")


SAMPLES = [Sample(sample_name(i, label, i), i, bytes([i] * 4)) for i, label in enumerate("abc")]


def test_data_set_round_trip(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, SAMPLES, classes=3)
    assert folder == tmp_path / "kws01"
    assert (folder / "y_labels.csv").read_text().splitlines()[1] == "tst_000001_B_1.bin, 3, 1"
    assert is_dataset(folder)
    assert not is_dataset(tmp_path)
    assert read_dataset(folder, 4, 3) == SAMPLES


def test_names_as_the_benchmark_writes_them() -> None:
    assert sample_name(10, "_unknown_", 11) == "tst_000010_Unknown_11.bin"
    assert sample_name(0, "für", 2) == "tst_000000_Fr_2.bin"
    assert sample_name(0, "нет", 2) == "tst_000000_Class_2.bin"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "no rows"),
        ("tst.bin, 3\n", "row 1"),
        ("tst.bin, 3, 3\n", "row 1"),
        ("tst.bin, 3, x\n", "row 1"),
        ("tst.bin, 3, -1\n", "row 1"),
        ("tst.bin, 3, 1\nother.bin, 3, 1\n", "row 2 names other.bin"),
        ("long.bin, 3, 1\n", "long.bin has 5 bytes, an input of this model has 4"),
    ],
)
def test_wrong_data_sets_are_refused(tmp_path: Path, rows: str, words: str) -> None:
    (tmp_path / "y_labels.csv").write_text(rows)
    (tmp_path / "tst.bin").write_bytes(bytes(4))
    (tmp_path / "long.bin").write_bytes(bytes(5))
    with pytest.raises(SottoError, match=words):
        read_dataset(tmp_path, 4, 3)


def board_of(elapsed_us: int, results: str) -> ScriptedBoard:
    def answer(command: str) -> str:
        if command.startswith("db 0"):
            return f"m-load-done\r\n{READY}"
        if not command.startswith("infer"):
            return READY
        count = int(command.split()[1])
        end = 100 + count * elapsed_us
        return f"m-lap-us-100\r\nm-lap-us-{end}\r\nm-results-[{results}]\r\n{READY}"

    return ScriptedBoard(answer)


def test_runs_are_summed_up() -> None:
    board = Monitor(board_of(2_000, "0.1,0.8,0.1"))
    host = Monitor(board_of(10, "0.1,0.8,0.1"))
    answers = run.run_accuracy(board, host, SAMPLES, Silent())
    windows = run.run_performance(board, SAMPLES, True, None, Silent())
    outcome = run.sum_up(IDENTITY, answers, windows)
    assert (outcome.clips, outcome.correct, outcome.identical) == (3, 1, True)
    assert [window.input for window in windows] == [SAMPLES[i].name for i in (0, 1, 2, 0, 1)]
    assert all(window.inferences == 5_250 for window in windows)  # 10.5 s
    assert outcome.median_inferences_per_s == pytest.approx(500)
    assert outcome.is_measurement
    assert outcome.long_enough
    assert outcome.to_json()["windows"][0]["inferences_per_s"] == pytest.approx(500)


def test_another_result_than_the_hosts_is_found() -> None:
    board = Monitor(board_of(2_000, "0.10000,0.80000,0.10000"))
    host = Monitor(board_of(10, "0.10000,0.80000,0.10001"))
    answers = run.run_accuracy(board, host, SAMPLES, Silent())
    outcome = run.sum_up(IDENTITY, answers, [run.Window("a", 1, 1)])
    assert (outcome.identical, outcome.same_results) == (False, 0)
    assert outcome.first_difference == answers[0]


def test_an_emulators_clock_is_no_measurement() -> None:
    emulated = Identity("board", "profile", "kws01", "ab" * 32, "aot", "instructions", 4)
    assert not run.has_real_clock(emulated)
    transport = board_of(2_000, "1.0,0.0,0.0")
    windows = run.run_performance(Monitor(transport), SAMPLES, False, None, Silent())
    assert [command for command in transport.commands if "infer" in command][:2] == [
        "infer 1 0",
        "infer 10 1",
    ]
    answers = [run.Answer("a", 0, 0, "1", "1")]
    outcome = run.sum_up(emulated, answers, windows)
    assert not outcome.is_measurement
    assert not outcome.long_enough


def test_a_clock_that_stands_still_gives_no_speed() -> None:
    assert run.Window("a", 5, 0).inferences_per_s == 0.0
