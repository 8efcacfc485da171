"""`sotto mlperf` on the emulated board and the host: the scores of `sotto validate`'s firmware."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from host_tools import cli, emulator
from host_tools.boards import BOARDS
from host_tools.build import Firmware, Program, build
from host_tools.errors import SottoError
from host_tools.labelled import scan_labelled
from host_tools.link.device import Device
from host_tools.manifest import load_manifest
from host_tools.mlperf.dataset import read_dataset
from host_tools.mlperf.monitor import Monitor
from host_tools.validate import load_pcm

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
WORDS = ("yes", "no", "stop")

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthesised sound a word: enough to compare scores, whatever is heard in it."""
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(11)
    time_s = np.arange(16_000) / 16_000
    for number, word in enumerate(WORDS):
        tone = np.sin(2 * np.pi * (300 + 900 * number) * time_s) * np.sin(np.pi * time_s) ** 8
        (folder / word).mkdir()
        samples = 0.6 * tone + rng.normal(0, 0.02, 16_000)
        soundfile.write(folder / word / "0.wav", np.clip(samples, -1, 1), 16_000)
    return folder


@pytest.fixture(scope="module")
def inputs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a data set of the benchmark."""
    folder = tmp_path_factory.mktemp("datasets")
    result = sotto("mlperf", "--data", data, "--write-dataset", folder)
    assert result.exit_code == 0, result.output
    return folder / "kws01"


def test_emulated_board_runs_the_benchmark(data: Path) -> None:
    arguments = ("--data", data, "--board", "stm32f405", "--inferences", "2", "--json")
    result = sotto("mlperf", *arguments, "--generated", GENERATED)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["clips"], figures["same_results"]) == (len(WORDS), len(WORDS))
    assert figures["identity"]["tick_unit"] == "instructions"
    assert figures["identity"]["model_hash"] == load_manifest(GENERATED).model_hash
    assert not figures["is_measurement"]
    assert [window["inferences"] for window in figures["windows"]] == [2] * 5
    assert all(window["elapsed_us"] > 0 for window in figures["windows"])


def test_host_reads_a_data_set_and_its_clock_is_real(inputs: Path) -> None:
    result = sotto("mlperf", "--data", inputs, "-b", "host", "--limit", "2", "--inferences", "1")
    assert result.exit_code == 0, result.output
    assert "of 2 inputs" in result.stdout
    assert "results equal to the host's: 2 of 2" in result.stdout
    assert "inferences a second" in result.stdout
    assert "less than 10 seconds" in result.stdout


def test_results_are_the_scores_of_the_firmware_that_is_validated(data: Path, inputs: Path) -> None:
    """The same inputs through both programs: the softmax of the one's scores is the other's."""
    manifest = load_manifest(GENERATED)
    written = {s.label: s.data for s in read_dataset(inputs, 49 * 40, 12)}
    host = BOARDS["host"]
    with (
        emulator.start(host, build(host, GENERATED, ROOT).elf) as firmware,
        emulator.start(host, build(host, GENERATED, ROOT, Firmware("mlperf")).elf) as benchmark,
        Monitor.open(benchmark.url) as monitor,
    ):
        with pytest.raises(SottoError, match="does not answer as MLPerf Tiny"):
            Monitor.open(firmware.url, attempts=1)
        with Device.open(firmware.url) as device:
            for clip in scan_labelled(data, manifest.labels).clips:
                heard = device.run_clip(load_pcm(clip, manifest))
                assert written[clip.label] == device.features().tobytes()
                monitor.load(written[clip.label])
                found = monitor.infer(1, 0)
                assert found.decision == heard.decision
                order = np.argsort(heard.scores, kind="stable")
                assert np.all(np.diff(np.array(found.probabilities)[order]) >= 0)
                assert sum(found.probabilities) == pytest.approx(1, abs=1e-3)


def test_the_benchmark_costs_the_firmware_nothing() -> None:
    board = BOARDS["stm32f405"]
    elf = build(board, GENERATED, ROOT).elf
    names = subprocess.run(
        ["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True
    ).stdout
    assert "sotto_app_init" in names
    assert "mlperf" not in names


def test_an_unknown_program_is_refused_by_the_build() -> None:
    with pytest.raises(SottoError, match="set SOTTO_PROGRAM to firmware, mlperf"):
        build(BOARDS["host"], GENERATED, ROOT, Firmware(cast(Program, "nothing")))
