"""Emulated boards of two cores at once, boards at ports beside them, and one that goes silent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT
from line_relay import Relay
from plugged_things import PtyPort, port_info
from serial.tools import list_ports
from typer.testing import CliRunner, Result

from host_tools import cli, emulator
from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.manifest import load_manifest

GENERATED = ROOT / "generated"
CLIPS = 4

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bursts")
    rng = np.random.default_rng(3)
    for n, label in enumerate(load_manifest(GENERATED).labels[:CLIPS]):
        (folder / label).mkdir()
        samples = rng.normal(0, 0.02 * (n + 1), 16_000)
        soundfile.write(folder / label / f"{n}.wav", np.clip(samples, -1, 1), 16_000)
    return folder


@pytest.fixture
def host_board() -> Iterator[str]:
    elf = build(BOARDS["host"], GENERATED, ROOT).elf
    with emulator.start(BOARDS["host"], elf) as running:
        yield running.url


def validate(data: Path, *more: str | Path) -> Result:
    options = ("--data", data, "--generated", GENERATED, *more)
    return CliRunner().invoke(cli.app, ["validate", *map(str, options)])


def test_two_cores_at_once_equal_the_host_and_each_other(data: Path, tmp_path: Path) -> None:
    boards = ("--board", "stm32f405", "--board", "mps2_m7")
    result = validate(data, *boards, "--json", "--report", tmp_path)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    for board, name in zip(document["boards"], ("stm32f405", "mps2_m7"), strict=True):
        assert board["validation"]["board"] == name
        assert board["validation"]["identical_scores"] == CLIPS
    (beside,) = document["comparisons"]
    assert beside["boards"] == ["stm32f405", "mps2_m7"]
    assert beside["clips"] == beside["identical_features"] == beside["identical_scores"] == CLIPS
    assert beside["first_difference"] is None
    page = (tmp_path / "report.html").read_text()
    assert "Confusion on mps2_m7" in page
    assert "Boards beside each other" in page


def test_a_board_that_goes_silent_leaves_the_other_its_result(data: Path, host_board: str) -> None:
    with Relay(host_board, silent_after_bytes=2_000) as relay:
        result = validate(data, "--port", relay.url, "--board", "host", "--json")
    assert result.exit_code == 2, result.output
    silent, good = json.loads(result.stdout)["boards"]
    assert "stopped answering" in silent["failure"]["message"]
    assert silent["validation"] is None
    assert good["validation"]["identical_scores"] == CLIPS


def test_all_takes_the_boards_that_answer(
    data: Path, host_board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host_tools.devices.plugged._ASK_ATTEMPTS", 1)
    with PtyPort() as port, PtyPort() as nobody:
        port.connect(host_board)
        found = [port_info(port.name), port_info(nobody.name)]
        monkeypatch.setattr(list_ports, "comports", lambda: found)
        monkeypatch.setattr("host_tools.devices.plugged.in_background", lambda *_: None)
        result = validate(data, "--all")
        monkeypatch.setattr(list_ports, "comports", lambda: found[1:])
        none = validate(data, "--all")
    assert result.exit_code == 0, result.output
    assert f"{nobody.name} is left out" in result.stderr
    assert f"identical on all {CLIPS} clips" in result.stdout
    assert none.exit_code == 2
    assert "no board answers at 1 ports" in none.stderr
