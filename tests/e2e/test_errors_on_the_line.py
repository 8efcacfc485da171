"""What a user sees when the board or the line misbehaves: words, exit code, never a hang."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from line_relay import Relay
from plugged_things import PtyPort
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.emulator import start
from host_tools.manifest import load_manifest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
HOST = BOARDS["host"]
CLIPS = 6


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def assert_clear_error(result: Result) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert "error:" in result.stderr
    assert "next step:" in result.stderr
    assert result.stdout == ""


@pytest.fixture(scope="module")
def firmware() -> Path:
    return build(HOST, GENERATED, ROOT).elf


@pytest.fixture
def board_url(firmware: Path) -> Iterator[str]:
    with start(HOST, firmware) as running:
        yield running.url


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    labels = load_manifest(GENERATED).labels[:2]
    for n in range(CLIPS):
        path = tmp_path / "data" / labels[n % 2] / f"{n}.wav"
        path.parent.mkdir(exist_ok=True, parents=True)
        soundfile.write(path, rng.integers(-8_000, 8_000, 16_000, dtype=np.int16), 16_000)
    return tmp_path / "data"


def validate(data: Path, url: str, *more: str | Path) -> Result:
    return sotto("validate", "--data", data, "--port", url, "--generated", GENERATED, *more)


def test_garbage_before_the_first_answer_is_passed_over(board_url: str, data: Path) -> None:
    garbage = np.random.default_rng(9).bytes(3_000) + b"\0boot banner\r\n\0\0"
    with Relay(board_url, garbage=garbage) as line:
        result = validate(data, line.url, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["identical_scores"] == CLIPS


def test_board_that_stops_in_the_middle(firmware: Path, data: Path) -> None:
    """The error says how many clips were done, and --resume streams only the others."""
    with start(HOST, firmware) as running, Relay(running.url) as line:
        assert validate(data, line.url).exit_code == 0
        half = line.answered_bytes // 2
    with start(HOST, firmware) as running, Relay(running.url, silent_after_bytes=half) as line:
        result = validate(data, line.url)
    assert_clear_error(result)
    done = re.search(rf"(\d) of {CLIPS} clips were done", result.stderr.replace("\n", " "))
    assert done, result.stderr
    assert 0 < int(done[1]) < CLIPS
    assert "--resume" in result.stderr
    with start(HOST, firmware) as running, Relay(running.url, port=line.port) as again:
        resumed = validate(data, again.url, "--resume", "--json")
    assert resumed.exit_code == 0, resumed.output
    assert f"{done[1]} clips were done before" in resumed.stderr
    figures = json.loads(resumed.stdout)
    assert figures["identical_scores"] == CLIPS
    assert figures["device"]["clips_completed"] == CLIPS - int(done[1])


def test_a_cable_that_is_pulled_and_put_back(firmware: Path, data: Path, tmp_path: Path) -> None:
    """The board keeps its power: a serial port goes in the middle, and --resume loses nothing."""
    name = tmp_path / "ttyACM0"
    with start(HOST, firmware) as board:

        def plugged(again: str | None, unplug_after_bytes: int | None) -> tuple[Result, int]:
            with PtyPort(unplug_after_bytes) as port:
                name.unlink(missing_ok=True)
                name.symlink_to(port.name)
                port.connect(board.url)
                options = ("--json", *([again] if again else []))
                return validate(data, str(name), *options), port.answered_bytes

        whole, said_bytes = plugged(None, None)
        assert whole.exit_code == 0, whole.output
        result, _ = plugged(None, said_bytes // 2)
        assert_clear_error(result)
        done = re.search(rf"(\d) of {CLIPS} clips were done", result.stderr.replace("\n", " "))
        assert done, result.stderr
        assert 0 < int(done[1]) < CLIPS
        resumed, _ = plugged("--resume", None)
    assert resumed.exit_code == 0, resumed.output
    assert f"{done[1]} clips were done before" in resumed.stderr
    assert json.loads(resumed.stdout)["identical_scores"] == CLIPS


def test_board_with_another_model_is_refused(board_url: str, data: Path, tmp_path: Path) -> None:
    other = tmp_path / "generated"
    shutil.copytree(GENERATED, other)
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps(manifest | {"model_hash": "00" * 32}))
    result = sotto("validate", "--data", data, "--port", board_url, "--generated", other)
    assert_clear_error(result)
    assert manifest["model_hash"][:12] in result.stderr
    assert "000000000000" in result.stderr
    assert "sotto flash" in result.stderr


@pytest.mark.parametrize("verb", ["info", "validate"])
def test_port_where_nobody_listens(verb: str, data: Path) -> None:
    with socket.socket() as bound:
        # Bound but not listening: nobody else can take the port, and every connection is refused.
        bound.bind(("127.0.0.1", 0))
        url = f"socket://127.0.0.1:{bound.getsockname()[1]}"
        result = validate(data, url) if verb == "validate" else sotto("info", "--port", url)
    assert_clear_error(result)
    assert "nobody listens" in result.stderr


def test_board_that_never_answers(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = validate(data, f"socket://127.0.0.1:{silent.getsockname()[1]}")
    assert_clear_error(result)


def test_info_of_a_running_board(board_url: str) -> None:
    result = sotto("info", "--port", board_url, "--self-test", "--json")
    assert result.exit_code == 0, result.output
    fields = json.loads(result.stdout)
    manifest = load_manifest(GENERATED)
    assert fields["model_hash"] == manifest.model_hash
    assert fields["labels"] == list(manifest.labels)
    assert "passed" in fields["self_test"]
    text = sotto("info", "--port", board_url)
    assert manifest.model_hash in text.stdout
