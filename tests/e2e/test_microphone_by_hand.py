"""`sotto listen` by a board's microphone, and an emulated board that is fed as if it had one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT
from fake_listener import many_sounds
from model_builder import keyword_model
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS, Board
from host_tools.errors import EXIT_USAGE
from host_tools.link.listen_messages import HeardWord
from host_tools.link.messages import Setting
from host_tools.link.microphone_messages import CaptureChoice
from host_tools.progress import Silent
from host_tools.rig import running_board

LABELS = ("on", "off", "_unknown_")
RATE_HZ = 16_000
SENSITIVE = {
    Setting.SMOOTHING_STEPS: 1,
    Setting.REFRACTORY_STEPS: 0,
    Setting.HYSTERESIS_Q15: 0,
    Setting.THRESHOLD_Q15: 11_000,
    Setting.THRESHOLD_Q15 + 1: 11_000,
}
"""Under which a network with random weights hears words in noise."""
DISCOVERY = replace(BOARDS["disco_f407"], kind="emulated", machine=BOARDS["stm32f405"].machine)
"""Firmware of a board with a microphone, on QEMU's STM32F405, which has none."""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("microphone")
    model = folder / "tiny.tflite"
    model.write_bytes(keyword_model(classes=len(LABELS)))
    result = run("export", model, "--labels", ",".join(LABELS), "--out", folder / "generated")
    assert result.exit_code == 0, result.output
    return folder / "generated"


def fed(board: Board, generated: Path, pcm: np.ndarray) -> tuple[list[HeardWord], np.ndarray]:
    """Words and samples of a board that is fed a recording."""
    words, samples = [], []
    choices = CaptureChoice.LISTENS | CaptureChoice.FED
    with running_board(board, generated, ROOT, Silent()) as device:
        device.change_settings(SENSITIVE)
        with device.capture().begin(choices=choices) as capture:
            for block in np.split(pcm, range(4_000, len(pcm), 4_000)):
                capture.feed(block)
                words += [word.heard for word in capture.words()]
                samples.append(capture.samples())
    return words, np.concatenate(samples)


def test_an_emulated_board_hears_by_its_microphone_what_the_host_hears(generated: Path) -> None:
    pcm = many_sounds(2.0) // 2 + 300
    words, samples = fed(BOARDS["host"], generated, pcm)
    assert samples.size == pcm.size
    assert words
    chip_words, chip_samples = fed(DISCOVERY, generated, pcm)
    assert chip_words == words
    np.testing.assert_array_equal(chip_samples, samples)


@pytest.fixture
def microphone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the host program's microphone hears: a file, at the pace of the clock."""
    path = tmp_path / "noise.raw"
    path.write_bytes(many_sounds(3.0).tobytes())
    monkeypatch.setenv("SOTTO_MICROPHONE", str(path))
    return path


@pytest.mark.usefixtures("microphone")
def test_a_recording_is_written_measured_and_compared(generated: Path, tmp_path: Path) -> None:
    data = tmp_path / "clips" / "on"
    data.mkdir(parents=True)
    soundfile.write(data / "one.wav", many_sounds(1.0, seed=3), RATE_HZ)
    options = ("--board", "host", "--generated", generated, "--seconds", "1", "--json")
    out = tmp_path / "heard.wav"
    result = run("listen", "--from-board-mic", out, "--data", data.parent, *options)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert soundfile.info(out).frames == RATE_HZ
    assert found["level"]["seconds"] == 1.0
    assert found["microphone"]["name"] == "samples of SOTTO_MICROPHONE"
    assert len(found["bands"]) == 40
    assert sum(band["difference_db"] for band in found["bands"]) == pytest.approx(0, abs=1e-6)


@pytest.mark.usefixtures("microphone")
def test_words_come_live_with_their_latency(generated: Path) -> None:
    options = ("--board", "host", "--generated", generated, "--seconds", "2")
    sensitive = ("--set", "threshold=0.35", "--set", "smoothing_ms=0", "--set", "refractory_ms=0")
    result = run("listen", "--microphone", *options, *sensitive, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["counters"]["captured"] > 0
    assert all(word["latency_s"] >= 0 for word in found["words"])
    said = run("listen", "--microphone", *options, *sensitive).stdout.splitlines()
    assert "s captured; lost on the board" in said[-1]
    assert all("ms after its frame" in line for line in said[:-1])


def test_a_board_without_a_microphone_is_refused(generated: Path) -> None:
    assert "SOTTO_MICROPHONE" not in os.environ
    result = run("listen", "--microphone", "--board", "host", "--generated", generated)
    assert result.exit_code == EXIT_USAGE
    assert "has no microphone" in result.stderr
