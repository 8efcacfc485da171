"""The command line: help, arguments, exit codes, and errors that end in a next step."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS
from host_tools.build import DEFAULT_FIRMWARE
from host_tools.commands import export, run
from host_tools.errors import EXIT_CHECK_FAILED, Interrupted, SottoError
from host_tools.fleet import Work
from host_tools.progress import Silent

ROOT = Path(__file__).resolve().parents[2]
VERBS = (
    "doctor",
    "run",
    "words",
    "train",
    "ablate",
    "export",
    "compile",
    "compress",
    "arena",
    "build",
    "devices",
    "flash",
    "info",
    "validate",
    "twin",
    "evaluate",
    "listen",
    "settings",
    "soak",
    "mlperf",
    "new",
    "report",
)

HASH = "ab" * 32
MANIFEST = {
    "name": "fake",
    "model_hash": HASH,
    "labels": ["yes", "no"],
    "frontend": {
        "sample_rate_hz": 16_000,
        "clip_samples": 16_000,
        "hop_samples": 320,
        "step_log2": 0.125,
    },
    "input": {"frames": 49, "bins": 40},
    "arena_bytes": 1,
    "weights_bytes": 1,
    "macs": 1,
    "streaming": "auto",
}


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def assert_clear_error(result: Result, exit_code: int, *words: str) -> None:
    """Message and next step on stderr, nothing on stdout, no traceback."""
    assert result.exit_code == exit_code, result.output
    assert isinstance(result.exception, SystemExit)
    for word in ("error:", "next step:", *words):
        assert word in result.stderr
    assert result.stdout == ""


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    folder = tmp_path / "generated"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for label in ("yes", "no"):
        (tmp_path / "data" / label).mkdir(parents=True)
        soundfile.write(tmp_path / "data" / label / "0.wav", np.zeros(16_000, np.int16), 16_000)
    return tmp_path / "data"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    result = sotto(verb, "--help")
    assert result.exit_code == 0
    assert "Example:" in result.stdout
    assert f"sotto {verb}" in result.stdout


def test_the_manual_tells_every_verb_and_no_option_that_is_not_there() -> None:
    manual = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for verb in (*VERBS, "data"):
        assert f"\n## sotto {verb}\n" in manual
    options = re.findall(r"(?<![\w-])--[a-z][a-z-]+", manual)
    helps = [sotto(verb, "--help").stdout for verb in VERBS]
    helps += [sotto("data", verb, "--help").stdout for verb in ("fetch", "scan", "check", "show")]
    assert set(options) <= set(re.findall(r"--[a-z][a-z-]+", "".join(helps)))


@pytest.mark.parametrize("verb", ["fetch", "scan"])
def test_every_data_verb_explains_itself_with_an_example(verb: str) -> None:
    assert f"sotto data {verb}" in sotto("data", verb, "--help").stdout


@pytest.mark.parametrize("arguments", [["--help"], ["info", "--help"], ["validate", "--help"]])
def test_help_starts_without_heavy_packages(arguments: list[str]) -> None:
    script = (
        "import sys; from host_tools.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'tf_keras', 'training', 'matplotlib', 'numpy', 'jinja2'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["validate"], ["validate", "--data", "x", "--limit", "0"], ["run", "--wat"]],
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    result = sotto(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_unknown_board_lists_the_boards(data: Path, generated: Path) -> None:
    result = sotto("validate", "--data", data, "--board", "stm33", "--generated", generated)
    assert_clear_error(result, 2, "'stm33'", "stm32f405", "mps2_m7")


def test_hardware_board_without_port_asks_for_it(data: Path, generated: Path) -> None:
    options = ("--board", "disco_f407", "--generated", generated)
    for verb in (("validate", "--data", data), ("info",)):
        assert_clear_error(sotto(*verb, *options), 2, "disco_f407", "--port")


def test_flash_refuses_what_the_board_cannot_do(generated: Path) -> None:
    result = sotto("flash", "--board", "mps2_m3", "--port", "5000", "--generated", generated)
    assert_clear_error(result, 2, "--port 5000", "mps2_m3")
    result = sotto("flash", "--board", "disco_f407", "--stop")
    assert_clear_error(result, 2, "disco_f407", "--stop")


def test_jobs_and_port_exclude_each_other(data: Path, generated: Path) -> None:
    folders = ("--data", data, "--generated", generated)
    result = sotto("validate", *folders, "--port", "/dev/ttyNOPE9", "--jobs", "2")
    assert_clear_error(result, 2, "--jobs 2")


def test_missing_generated_folder(data: Path, tmp_path: Path) -> None:
    result = sotto("validate", "--data", data, "--generated", tmp_path / "no")
    assert_clear_error(result, 2, "manifest.json is missing", "sotto run")


def test_damaged_manifest(data: Path, generated: Path) -> None:
    (generated / "manifest.json").write_text('{"name": 1}')
    result = sotto("validate", "--data", data, "--generated", generated)
    assert_clear_error(result, 2, "damaged")


def test_missing_data_folder(generated: Path, tmp_path: Path) -> None:
    result = sotto("validate", "--data", tmp_path / "no", "--generated", generated)
    assert_clear_error(result, 2, str(tmp_path / "no"), "does not exist")


def test_corrupt_wav_is_named_before_a_board_is_touched(data: Path, generated: Path) -> None:
    (data / "yes" / "broken.wav").write_bytes(b"RIFF....WAVE")
    result = sotto("validate", "--data", data, "--generated", generated, "--port", "no-such-port")
    assert result.exit_code == 2
    assert "broken.wav" in result.stderr
    assert "--skip-unreadable" in result.stderr
    assert "no-such-port" not in result.stderr


@pytest.mark.parametrize("verb", ["info", "validate"])
def test_port_that_does_not_exist(verb: str, data: Path, generated: Path) -> None:
    folder = ("--data", data, "--generated", generated) if verb == "validate" else ()
    result = sotto(verb, *folder, "--port", "/dev/ttyNOPE9")
    assert result.exit_code == 2
    assert "/dev/ttyNOPE9" in result.stderr
    assert "next step:" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("verb", ["run", "train"])
def test_missing_recipe_and_missing_data(verb: str, tmp_path: Path) -> None:
    assert_clear_error(sotto(verb, tmp_path / "no.toml"), 2, "no.toml does not exist")
    recipe = tmp_path / "r.toml"
    recipe.write_text("")
    result = sotto(verb, recipe, "--data", tmp_path / "nowhere")
    assert_clear_error(result, 2, "nowhere does not exist", "sotto data fetch")


def test_unknown_recipe_key_names_line_and_value(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "x"\n[words]\nkeywords = ["yes", "no"]\nkeyword = 3\n')
    result = sotto("run", recipe, "--work", tmp_path / "work", "--out", tmp_path / "out")
    assert_clear_error(result, 2, "r.toml", "keyword", "4")
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


def test_class_without_clips(tmp_path: Path, data: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "x"\n[words]\nkeywords = ["yes", "no", "marvin"]\n')
    result = sotto(
        *("run", recipe, "--data", data, "--work", tmp_path / "work", "--out", tmp_path / "out")
    )
    assert result.exit_code == 2
    assert "marvin" in result.stderr
    assert "next step:" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_corrupt_recording_is_named_by_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for word in ("yes", "no"):
        (tmp_path / "data" / word).mkdir(parents=True)
        for speaker in range(10):
            path = tmp_path / "data" / word / f"{speaker:08x}_nohash_0.wav"
            soundfile.write(path, rng.integers(-99, 99, 16_000, dtype=np.int16), 16_000)
    path.write_bytes(b"RIFF but no more")
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'name = "x"\n[words]\nkeywords = ["yes", "no"]\nunknown = false\nsilence = false\n'
        "[data]\nvalidation_percent = 20.0\ntest_percent = 20.0\n"
    )
    folders = ("--work", tmp_path / "work", "--out", tmp_path / "out")
    result = sotto("run", recipe, "--data", tmp_path / "data", *folders)
    assert result.exit_code == 2, result.output
    assert path.name in result.stderr
    assert "--skip-unreadable" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("identical", "exit_code"), [(True, 0), (False, EXIT_CHECK_FAILED)])
def test_run_names_its_report_and_fails_where_the_chip_differs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, identical: bool, exit_code: int
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "x"\n[words]\nkeywords = ["yes", "no"]\n')
    monkeypatch.setattr("host_tools.commands._training.train_model", lambda *_, **__: None)
    monkeypatch.setattr("host_tools.commands.run.show_stages", lambda work: None)
    monkeypatch.setattr("host_tools.commands.run.measure_board", lambda *_: identical)
    monkeypatch.setattr("host_tools.report.write_report", lambda work, out: out / "report.html")
    result = sotto("run", recipe, "--work", tmp_path / "work", "--out", tmp_path / "out")
    assert result.exit_code == exit_code
    last = result.stdout.strip().splitlines()[-1]
    assert last == f"report: {tmp_path / 'work' / 'report.html'}"


def test_run_advises_no_option_that_it_lacks(
    data: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(subjects: object, work: Work) -> None:
        raise Interrupted(work.go_on)

    (tmp_path / "work").mkdir()
    data.rename(tmp_path / "work" / "test")
    monkeypatch.setattr("host_tools.fleet.validate_fleet", interrupted)
    with pytest.raises(Interrupted) as caught:
        run.measure_board(
            BOARDS["host"], DEFAULT_FIRMWARE, tmp_path / "work", generated, None, None, Silent()
        )
    assert "same command" in caught.value.message
    assert "--resume" not in caught.value.message


def test_report_of_a_folder_without_results(tmp_path: Path) -> None:
    assert_clear_error(sotto("report", tmp_path), 2, "results.json is missing", "sotto run")


@pytest.mark.parametrize("labels", ["yes", "yes,yes", ""])
def test_export_refuses_labels_that_cannot_be(labels: str, tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(b"")
    result = sotto("export", model, "--labels", labels, "--out", tmp_path / "out")
    assert_clear_error(result, 2, "--labels")


def test_labels_may_be_longer_than_a_file_name() -> None:
    words = [f"word number {n}" for n in range(100)]
    assert export.read_labels(",".join(words)) == words


def test_label_file_that_is_no_text(tmp_path: Path) -> None:
    model, labels = tmp_path / "m.tflite", tmp_path / "labels.txt"
    model.write_bytes(b"")
    labels.write_bytes(b"yes\n\xff\xfe")
    result = sotto("export", model, "--labels", labels, "--out", tmp_path / "out")
    assert_clear_error(result, 2, "no UTF-8")


def test_export_refuses_what_is_no_model(tmp_path: Path) -> None:
    assert_clear_error(
        sotto("export", tmp_path / "no.tflite", "--labels", "a,b"), 2, "does not exist"
    )
    assert_clear_error(sotto("export", tmp_path, "--labels", "a,b"), 2, "is a folder")
    model = tmp_path / "m.tflite"
    model.write_bytes(b"no flatbuffer at all")
    result = sotto("export", model, "--labels", "yes,no", "--out", tmp_path / "out")
    assert_clear_error(result, 2, "no TensorFlow Lite model")


def test_scan_prints_a_table_or_json_and_fails_on_unreadable(data: Path) -> None:
    assert sotto("data", "scan", data).exit_code == 0
    (data / "no" / "bad.wav").write_bytes(b"x")
    result = sotto("data", "scan", data, "--json")
    assert result.exit_code == EXIT_CHECK_FAILED
    assert [entry["clips"] for entry in json.loads(result.stdout)] == [2, 1]
    assert "bad.wav" in result.stderr


def test_scan_of_a_folder_too_high_names_what_lies_there(data: Path) -> None:
    (data.parent / "generated").mkdir(exist_ok=True)
    assert_clear_error(sotto("data", "scan", data.parent), 2, "no clips", "data, generated")


def test_folder_names_with_brackets_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "[bold]").mkdir()
    soundfile.write(tmp_path / "[bold]" / "0.wav", np.zeros(16_000, np.int16), 16_000)
    assert "[bold]" in sotto("data", "scan", tmp_path).stdout


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """`sotto report` raises what the test gives."""

    def install(error: BaseException) -> None:
        def fail(work: Path, out: Path) -> Path:
            raise error

        monkeypatch.setattr("host_tools.report.write_report", fail)

    return install


def test_exit_code_of_the_error_is_kept(failing, tmp_path: Path) -> None:
    failing(SottoError("it [differs]", "look", EXIT_CHECK_FAILED))
    assert_clear_error(sotto("report", tmp_path), 1, "it [differs]", "look")


def test_interruption_exits_130_with_advice(failing, tmp_path: Path) -> None:
    failing(KeyboardInterrupt())
    result = sotto("report", tmp_path)
    assert (result.exit_code, result.stdout) == (130, "")
    assert "interrupted; run the same command to resume" in result.stderr


def test_interruption_with_better_advice(failing, tmp_path: Path) -> None:
    failing(Interrupted("interrupted after 3 of 9 clips"))
    result = sotto("report", tmp_path)
    assert result.exit_code == 130
    assert result.stderr.strip() == "interrupted after 3 of 9 clips"


def test_failing_disk_is_a_clear_error(failing, tmp_path: Path) -> None:
    failing(OSError(28, "No space left on device", "/full/report.html"))
    assert_clear_error(sotto("report", tmp_path), 2, "/full/report.html: No space left on device")


def test_defect_keeps_its_traceback(failing, tmp_path: Path) -> None:
    failing(ZeroDivisionError())
    assert isinstance(sotto("report", tmp_path).exception, ZeroDivisionError)
