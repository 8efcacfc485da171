"""The verbs one after the other: export, build, flash, info, validate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from model_builder import keyword_model
from typer.testing import CliRunner, Result

from host_tools import cli

LABELS = ("on", "off", "_unknown_")
FOLDERS = ("on", "off", "marvin")
CLIPS = 6


def sotto(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(11)
    for n in range(CLIPS):
        path = tmp_path / "data" / FOLDERS[n % len(FOLDERS)] / f"{n}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.2 * rng.standard_normal((22_050, 2)).clip(-4, 4), 22_050)
    return tmp_path / "data"


def test_model_goes_from_a_file_to_a_validated_board(data: Path, tmp_path: Path) -> None:
    model, generated = tmp_path / "tiny.tflite", tmp_path / "generated"
    model.write_bytes(keyword_model(classes=len(LABELS)))
    exported = sotto("export", model, "--labels", ",".join(LABELS), "--out", generated)
    manifest = json.loads((generated / "manifest.json").read_text())
    assert manifest["name"] == "tiny"
    assert manifest["model_hash"] in exported.stdout

    of_board = ("--board", "host", "--generated", generated)
    built = json.loads(sotto("build", *of_board, "--json").stdout)
    assert Path(built["elf"]).is_file()
    assert built["sizes"]["flash_bytes"] > 0

    flashed = sotto("flash", *of_board)
    assert "runs the model that was built" in flashed.stderr
    url = flashed.stdout.strip()
    try:
        info = json.loads(sotto("info", *of_board, "--self-test", "--json").stdout)
        at_port = ("--port", url, "--generated", generated)
        figures = json.loads(sotto("validate", "--data", data, *at_port, "--json").stdout)
    finally:
        stopped = sotto("flash", "--board", "host", "--stop")
    assert "has ended" in stopped.stderr
    assert info["labels"] == list(LABELS)
    assert "passed" in info["self_test"]
    assert info["model_hash"] == figures["model_hash"] == manifest["model_hash"]
    assert figures["clips"] == figures["identical_features"] == figures["identical_scores"] == CLIPS
    assert [sum(row) for row in figures["confusion"]] == [2, 2, 2]
    assert figures["device"]["clips_completed"] == CLIPS
    assert "was not running" in sotto("flash", "--board", "host", "--stop").stderr
