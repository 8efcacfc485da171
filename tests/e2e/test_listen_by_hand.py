"""`sotto listen` and `sotto settings`: the emulated board hears what the host hears."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from fake_listener import many_sounds
from model_builder import keyword_model
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.errors import EXIT_USAGE

LABELS = ("on", "off", "_unknown_")
RATE_HZ = 16_000
SENSITIVE = ("--set", "threshold=0.35", "--set", "smoothing_ms=0", "--set", "refractory_ms=0")
"""Under which a network with random weights hears words in noise."""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def sotto(*arguments: str | Path) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listen")
    model = folder / "tiny.tflite"
    model.write_bytes(keyword_model(classes=len(LABELS)))
    sotto("export", model, "--labels", ",".join(LABELS), "--out", folder / "generated")
    return folder / "generated"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "noise.wav"
    soundfile.write(path, many_sounds(3.0), RATE_HZ)
    return path


@pytest.fixture(scope="module")
def running_board(generated: Path) -> Iterator[tuple[str, ...]]:
    """Options that name a board in the background."""
    options = ("--board", "host", "--generated", str(generated))
    sotto("flash", *options)
    yield options
    sotto("flash", "--board", "host", "--stop")


def test_settings_stay_on_a_running_board(running_board: tuple[str, ...]) -> None:
    before = json.loads(sotto("settings", *running_board, "--json").stdout)["settings"]
    assert before["threshold.on"] == pytest.approx(0.7, abs=1e-4)
    sotto("settings", *running_board, "--set", "threshold.on=0.25", "--set", "hysteresis=0.2")
    after = json.loads(sotto("settings", *running_board, "--json").stdout)
    assert after["settings"] == before | {"threshold.on": 0.25, "hysteresis": 0.2}
    assert after["board_units"]["threshold.on"] == 8192
    assert "threshold.on" in sotto("settings", *running_board).stdout

    refused = run("settings", *running_board, "--set", "threshold.off=0.1")
    assert refused.exit_code == EXIT_USAGE
    assert "hysteresis" in refused.stderr
    unknown = run("settings", *running_board, "--set", "treshold.off=0.1")
    assert unknown.exit_code == EXIT_USAGE
    assert "threshold.off" in unknown.stderr
    assert json.loads(sotto("settings", *running_board, "--json").stdout) == after


def test_an_emulated_board_hears_what_the_host_hears(generated: Path, recording: Path) -> None:
    heard = {}
    for board in ("host", "stm32f405"):
        options = ("--board", board, "--generated", generated, *SENSITIVE, "--json")
        (heard[board],) = json.loads(sotto("listen", recording, *options).stdout)["streams"]
    host, chip = heard["host"], heard["stm32f405"]
    assert host["words"] == chip["words"]
    assert host["words"]
    counted = {k: v for k, v in chip["statistics"].items() if not k.startswith("ticks_")}
    assert counted == {k: host["statistics"][k] for k in counted}
    assert counted["scores_crc32"] != 0
    assert chip["tick_unit"] == "instructions"
    # detection is bounded and small beside the front-end
    assert 0 < chip["statistics"]["ticks_detect"] < chip["statistics"]["ticks_frontend"] / 10


def test_words_are_printed_as_they_are_heard(generated: Path, recording: Path) -> None:
    options = ("--board", "host", "--generated", generated, *SENSITIVE)
    said = sotto("listen", recording, *options).stdout.splitlines()
    assert any(line.split()[1:3] in (["s", "on"], ["s", "off"]) for line in said[:-1])
    assert f"{len(said) - 1} words in 3.0 s" in said[-1]


def test_a_folder_is_played_at_the_pace_of_speech(generated: Path, recording: Path) -> None:
    options = ("--board", "host", "--generated", generated, *SENSITIVE, "--json")
    (fast,) = json.loads(sotto("listen", recording, *options).stdout)["streams"]
    document = json.loads(sotto("listen", recording.parent, "--real-time", *options).stdout)
    (slow,) = document["streams"]
    assert slow["file"] == str(recording)
    assert slow["wall_s"] >= slow["seconds"]
    assert all(word.pop("latency_s") > 0 for word in slow["words"])
    assert slow["words"] == fast["words"]


def test_a_missing_recording_is_named_before_a_board_starts(tmp_path: Path) -> None:
    result = run("listen", tmp_path / "none.wav", "--board", "host")
    assert result.exit_code == EXIT_USAGE
    assert "none.wav" in result.stderr
