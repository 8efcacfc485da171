"""Emulated boards compute byte for byte what the host computes, and a fault would be seen."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.emulator import start
from host_tools.labelled import choose_balanced, scan_labelled
from host_tools.manifest import load_manifest
from host_tools.twin.guess import Cause

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
CLIPS = int(os.environ.get("SOTTO_E2E_CLIPS", "24"))
EMULATED = [name for name, board in BOARDS.items() if board.kind == "emulated"]

pytestmark = pytest.mark.emulator


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def data(shared_data: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings beside the project, or bursts of noise and tones where there are none."""
    if shared_data is not None:
        return shared_data / "speech_commands_v0.02_test"
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(7)
    time_s = np.arange(16_000) / 16_000
    labels = load_manifest(GENERATED).labels
    for n in range(CLIPS):
        tone = np.sin(2 * np.pi * rng.uniform(100, 3_000) * time_s) * np.sin(np.pi * time_s) ** 8
        samples = 0.7 * tone + rng.normal(0, rng.uniform(0.001, 0.1), 16_000)
        path = folder / labels[n % len(labels)] / f"{n}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.clip(samples, -1, 1), 16_000)
    return folder


def validate(data: Path, *more: str | Path) -> Result:
    return sotto("validate", "--data", data, "--generated", GENERATED, "--limit", str(CLIPS), *more)


@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
def test_board_equals_host_on_every_clip(board: str, data: Path) -> None:
    result = validate(data, "--board", board, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["board"] == board
    assert figures["model_hash"] == load_manifest(GENERATED).model_hash
    for stage in ("features", "scores", "decisions"):
        assert figures[f"identical_{stage}"] == figures["clips"] == CLIPS
    assert sum(map(sum, figures["confusion"])) == CLIPS
    assert figures["accuracy_low"] <= figures["accuracy"] <= figures["accuracy_high"]
    assert figures["timing"]["unit"] == "instructions"
    assert figures["instructions_per_frame"] > 0
    assert figures["device"]["rx_overruns"] == 0


@pytest.mark.slow
def test_text_for_people_names_the_figures(data: Path) -> None:
    result = sotto("validate", "--data", data, "--generated", GENERATED, "--limit", "3")
    assert result.exit_code == 0, result.output
    for words in ("accuracy", "95 % interval", "identical features: 3 of 3", "instructions per"):
        assert words in result.stdout
    assert "Building stm32f405" in result.stderr


@pytest.mark.slow
def test_missed_accuracy_is_a_failed_check(data: Path) -> None:
    folder = scan_labelled(data, load_manifest(GENERATED).labels)
    assert choose_balanced(folder.clips, 2)
    options = ("--board", "host", "--limit", "2", "--min-accuracy", "1.0", "--json")
    result = sotto("validate", "--data", data, "--generated", GENERATED, *options)
    accuracy = json.loads(result.stdout)["accuracy"]
    assert result.exit_code == (0 if accuracy == 1.0 else 1)


def plant(folder: Path, file: str, table: str, number: str, value: int) -> None:
    """Copy the generated model, hash and all, with the middle one of the numbers that a pattern
    finds in the last table of that name replaced."""
    shutil.copytree(GENERATED, folder)
    text = (folder / file).read_text()
    *_, found = re.finditer(rf"{table}\[\d+\] = \{{(.*?)\}}", text, re.DOTALL)
    numbers = list(re.finditer(number, found[1]))
    start_at, end_at = (found.start(1) + at for at in numbers[len(numbers) // 2].span())
    (folder / file).write_text(f"{text[:start_at]}{value}{text[end_at:]}")


@pytest.mark.parametrize(
    ("file", "table", "number", "value", "stage", "cause"),
    [
        ("sotto_frontend_tables.c", "window_q15", r"-?\b\d+\b", 0, "features", Cause.STALE_TABLES),
        # The last table is the classifier's; in its middle are a word's weights.
        (
            "sotto_model_aot.c",
            r"\w+_stream",
            r"-?\b\d+\b",
            1_000_000,
            "scores",
            Cause.FLASH_CORRUPTED,
        ),
    ],
)
def test_planted_fault_is_found_and_named(
    file: str,
    table: str,
    number: str,
    value: int,
    stage: str,
    cause: Cause,
    data: Path,
    tmp_path: Path,
) -> None:
    """The board's firmware was built from a damaged table but claims the right model."""
    plant(tmp_path / "generated", file, table, number, value)
    elf = build(BOARDS["host"], tmp_path / "generated", ROOT).elf
    options = ("--data", data, "--generated", GENERATED, "--limit", "4")
    with start(BOARDS["host"], elf) as running:
        text = sotto("validate", *options, "--port", running.url)
    with start(BOARDS["host"], elf) as running:
        result = sotto("validate", *options, "--port", running.url, "--json")
    assert (text.exit_code, result.exit_code) == (1, 1), result.output
    figures = json.loads(result.stdout)
    found = figures["first_divergence"]
    assert figures["finding"]["clip"] == found["clip"]
    assert figures["finding"]["guess"]["cause"] == cause
    assert f"guess: {cause}" in text.stdout
    assert found["stage"] == stage
    assert figures[f"identical_{stage}"] < figures["clips"]
    assert found["board"] != found["host"]
    assert f"first divergence: {found['clip']}: {stage}, " in text.stdout
    if stage == "scores":
        labels = load_manifest(GENERATED).labels
        assert figures["identical_features"] == figures["clips"]
        assert found["label"] == len(labels) // 2
        assert f"class {labels[len(labels) // 2]}" in text.stdout
    else:
        assert f"frame {found['frame']}, bin {found['bin']}" in text.stdout
